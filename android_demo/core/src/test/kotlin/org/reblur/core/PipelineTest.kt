package org.reblur.core

import kotlinx.serialization.json.float
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeNotNull
import org.junit.Test
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.ChoiceStore
import org.reblur.core.engines.ModelOwner
import org.reblur.core.engines.OpenModels
import org.reblur.core.manifest.errorsOf
import org.reblur.core.manifest.read
import org.reblur.core.manifest.statistic
import org.reblur.core.refocusing.Focus
import org.reblur.core.refocusing.Optics
import org.reblur.core.refocusing.PhotoPixels
import org.reblur.core.refocusing.Smoothing
import org.reblur.core.refocusing.paste
import org.reblur.core.testing.DesktopEngine
import org.reblur.core.testing.Vectors
import org.reblur.core.testing.psnrDb
import java.io.File

/** The real .tflite files, all the way from a photograph to a refocused one. */
class PipelineTest {
    private object NoChoices : ChoiceStore {
        override fun load(sha256: String): Accelerator? = null

        override fun save(
            sha256: String,
            accelerator: Accelerator,
        ) = Unit
    }

    private class Whole(
        private val picture: Planes,
    ) : PhotoPixels {
        override val height = picture.height
        override val width = picture.width

        override fun part(part: Part) = picture.part(part)
    }

    private fun open(precision: String): OpenModels = ModelOwner(export(), listOf(DesktopEngine(2)), NoChoices).open(precision)

    @Test
    fun everyStepMeetsTheGoldenChain() {
        val files = export()
        val manifest = files.manifest
        val chain = manifest.goldenChain
        val photo = files.read(chain.photo)
        val smooth = Smoothing(manifest.conventions.smoothing, manifest.sigmaMaxPx).smooth(files.read(chain.sigmaPx), photo)
        assertClose(files.read(chain.defocusPx), smooth.defocusPx, chain.mapTolerancePx.toFloat())
        val focus = Focus(chain.focusXy[0], chain.focusXy[1])
        val target =
            Optics(manifest.conventions.optics, manifest.targetMaxPx).target(smooth.defocusPx, focus, chain.fNumber, smooth.confidence)
        assertClose(files.read(chain.targetSigmaPx), target, chain.mapTolerancePx.toFloat())
        for (precision in listOf("fp32", "fp16", "int8")) {
            open(precision).use { models ->
                val analysis = models.pipeline.analyse(Whole(photo))
                val errors =
                    errorsOf(models.pipeline.refocus(analysis, focus, chain.fNumber), files.read(chain.refocused), chain.refocused.stridePx)
                for (tolerance in chain.tolerances.getValue(precision)) {
                    val value = statistic(tolerance.statistic, errors)
                    println("chain, $precision: ${tolerance.statistic} %.3g, at most %.3g".format(value, tolerance.atMost))
                    assertTrue("$precision: $value > ${tolerance.atMost}", value <= tolerance.atMost)
                }
            }
        }
    }

    @Test
    fun threePhotographsComeOutAsThePythonRuntimeHasThem() {
        val folder = System.getProperty("reblur.references")?.takeIf { it.isNotEmpty() }
        assumeNotNull("no references: the Python runtime is not there", folder)
        val references = Vectors.of(File(checkNotNull(folder)))
        open("fp32").use { models ->
            for (case in checkNotNull(references.facts["cases"]).jsonArray.map { it.jsonObject }) {
                val name = checkNotNull(case["name"]).jsonPrimitive.content
                val (x, y) = checkNotNull(case["focus_xy"]).jsonArray.map { it.jsonPrimitive.float }
                val fNumber = checkNotNull(case["f_number"]).jsonPrimitive.float
                val photo = Whole(references["$name.photo"])
                val analysis = models.pipeline.analyse(photo)
                check(name, models.pipeline.refocus(analysis, Focus(x, y), fNumber), references["$name.refocused"])
                if ("$name.full" in references) {
                    val full = Planes(3, photo.height, photo.width)
                    models.pipeline.refocusPhoto(photo, analysis, Focus(x, y), fNumber) { part, picture -> full.paste(part, picture) }
                    check(
                        "$name, ${photo.width}x${photo.height}",
                        full.map {
                            kotlin.math.round(it * 255f) / 255f
                        },
                        references["$name.full"],
                    )
                }
            }
        }
    }

    private fun check(
        name: String,
        found: Planes,
        expected: Planes,
    ) {
        val psnr = psnrDb(found, expected)
        println("$name: %.1f dB against the Python runtime".format(psnr))
        assertTrue("$name: $psnr dB, at least 60 dB expected", psnr >= 60.0)
    }
}
