package org.reblur.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.reblur.core.refocusing.TiledGraph
import org.reblur.core.refocusing.mirrored
import kotlin.random.Random

class TiledGraphTest {
    private val random = Random(1)

    /** The mean over a window of radius 2, edges repeated: it sees 2 px far. */
    private fun mean(x: Planes): Planes {
        val result = Planes(x.channels, x.height, x.width)
        for (channel in 0 until x.channels) {
            for (row in 0 until x.height) {
                for (column in 0 until x.width) {
                    var sum = 0f
                    for (dy in -2..2) {
                        for (dx in -2..2) {
                            sum += x[channel, (row + dy).coerceIn(0, x.height - 1), (column + dx).coerceIn(0, x.width - 1)]
                        }
                    }
                    result[channel, row, column] = sum / 25f
                }
            }
        }
        return result
    }

    private fun noise(
        height: Int,
        width: Int,
    ) = Planes(1, height, width, FloatArray(height * width) { random.nextFloat() })

    @Test
    fun inTilesItIsTheSameAsInOnePiece() {
        var calls = 0
        val graph = TiledGraph({ inputs -> mean(inputs.getValue("image")).also { calls++ } }, 48, 64, 2, 16)
        for ((height, width) in listOf(48 to 64, 64 to 48, 20 to 30, 100 to 131, 131 to 50)) {
            val picture = noise(height, width)
            calls = 0
            assertClose(mean(picture), graph.anywhere(mapOf("image" to picture)), 1e-6f)
            assertEquals(graph.count(height, width), calls)
        }
    }

    @Test
    fun aStandingPictureGoesThroughALyingGraph() {
        val graph = TiledGraph({ inputs -> inputs.getValue("image") }, 48, 64, 2, 16)
        val picture = noise(64, 48)
        assertClose(picture, graph.whole(mapOf("image" to picture)), 0f)
        assertEquals(1, graph.count(64, 48))
    }

    @Test
    fun whatDoesNotFitIsRefused() {
        val graph = TiledGraph({ inputs -> inputs.getValue("image") }, 48, 64, 30, 16)
        assertThrows(ReblurException::class.java) { graph.whole(mapOf("image" to noise(65, 48))) }
        assertThrows(ReblurException::class.java) { graph.anywhere(mapOf("image" to noise(100, 100))) }
    }

    @Test
    fun mirrorsGoOnAndOn() = assertEquals(listOf(0, 1, 2, 2, 1, 0, 0, 1), (0 until 8).map { mirrored(it, 3) })
}
