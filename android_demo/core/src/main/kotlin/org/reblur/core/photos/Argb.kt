package org.reblur.core.photos

import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.refocusing.PhotoPixels
import kotlin.math.round

private const val LARGEST = 255f
private const val OPAQUE = 0xFF shl 24

/** (3, h, w) sRGB in [0, 1] -> opaque pixels 0xAARRGGBB, row by row. */
fun Planes.toArgb(): IntArray {
    fun level(at: Int) = round(values[at].coerceIn(0f, 1f) * LARGEST).toInt()
    return IntArray(area) { OPAQUE or (level(it) shl 16) or (level(area + it) shl 8) or level(2 * area + it) }
}

/** Pixels 0xAARRGGBB -> (3, height, width) sRGB in [0, 1]; transparency is passed over. */
fun argbToPlanes(
    pixels: IntArray,
    height: Int,
    width: Int,
): Planes {
    val result = Planes(3, height, width)
    val area = height * width
    for (at in 0 until area) {
        val pixel = pixels[at]
        result.values[at] = (pixel shr 16 and 0xFF) / LARGEST
        result.values[area + at] = (pixel shr 8 and 0xFF) / LARGEST
        result.values[2 * area + at] = (pixel and 0xFF) / LARGEST
    }
    return result
}

/** A photograph as a decoder left it: stored pixels 0xAARRGGBB by [argb] (row by row of a rectangle), seen upright. */
class UprightPixels(
    private val storedHeight: Int,
    private val storedWidth: Int,
    private val orientation: Orientation,
    private val argb: (Part) -> IntArray,
) : PhotoPixels {
    override val height = if (orientation.swaps) storedWidth else storedHeight
    override val width = if (orientation.swaps) storedHeight else storedWidth

    override fun part(part: Part): Planes {
        val stored = storedPart(part)
        return orientation.upright(argbToPlanes(argb(stored), stored.height, stored.width))
    }

    private fun storedPart(part: Part): Part {
        val one = orientation.stored(part.top, part.left, storedHeight, storedWidth)
        val other = orientation.stored(part.bottom - 1, part.right - 1, storedHeight, storedWidth)
        val rows = listOf(one / storedWidth, other / storedWidth)
        val columns = listOf(one % storedWidth, other % storedWidth)
        return Part(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
    }
}

/** From no blur to the most: dark violet to pale yellow, growing in lightness. */
private val MAP_COLOURS =
    listOf(
        floatArrayOf(0.05f, 0.03f, 0.20f),
        floatArrayOf(0.30f, 0.07f, 0.45f),
        floatArrayOf(0.65f, 0.15f, 0.40f),
        floatArrayOf(0.93f, 0.40f, 0.22f),
        floatArrayOf(0.99f, 0.73f, 0.25f),
        floatArrayOf(1f, 1f, 0.75f),
    )

/** A map (1, h, w) in colours; [largest] has the last. */
fun Planes.inColours(largest: Float): Planes {
    val result = Planes(3, height, width)
    for (at in 0 until area) {
        val place = (values[at] / largest).coerceIn(0f, 1f) * (MAP_COLOURS.size - 1)
        val low = place.toInt().coerceAtMost(MAP_COLOURS.size - 2)
        for (channel in 0 until 3) {
            val from = MAP_COLOURS[low][channel]
            result.values[channel * area + at] = from + (place - low) * (MAP_COLOURS[low + 1][channel] - from)
        }
    }
    return result
}
