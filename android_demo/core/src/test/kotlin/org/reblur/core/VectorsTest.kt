package org.reblur.core

import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test
import org.reblur.core.manifest.ResizeRules
import org.reblur.core.manifest.Size
import org.reblur.core.photos.Orientation
import org.reblur.core.refocusing.Focus
import org.reblur.core.refocusing.FullSize
import org.reblur.core.refocusing.Highlights
import org.reblur.core.refocusing.Optics
import org.reblur.core.refocusing.Smoothing
import org.reblur.core.refocusing.Span
import org.reblur.core.refocusing.TiledGraph
import org.reblur.core.refocusing.paddedSize
import org.reblur.core.refocusing.spans
import org.reblur.core.refocusing.workingSize
import org.reblur.core.testing.Vectors
import kotlin.math.abs
import kotlin.math.min

/** The shared logic against what the Python runtime computes. */
class VectorsTest {
    private val vectors = Vectors.checkedIn()
    private val smoothing = Smoothing(Rules.smoothing, Rules.SIGMA_MAX_PX)
    private val optics = Optics(Rules.optics, Rules.TARGET_MAX_PX)

    @Test
    fun aMapIsSpreadAlongEdgesAsInPython() {
        val smooth = smoothing.smooth(vectors["sigma"], vectors["picture"])
        assertClose(vectors["defocus"], smooth.defocusPx, 2e-5f)
        assertClose(vectors["confidence"], smooth.confidence)
    }

    @Test
    fun aTapOnAnEstimatedMapIsAMeanByConfidence() {
        assertClose(vectors["target"], optics.target(vectors["defocus"], Focus(0.7f, 0.2f), 1.4f, vectors["confidence"]))
    }

    @Test
    fun aTapOnAMeasuredMapIsAMedian() {
        assertClose(vectors["target_measured"], optics.target(vectors["defocus"], Focus(0.99f, 1f), 0.9f, null))
    }

    @Test
    fun lampsAreLitAsInPython() = assertClose(vectors["lit"], Highlights(Rules.highlights, smoothing).recovered(vectors["picture"]))

    @Test
    fun withoutLampsThePictureIsLeftAlone() {
        val dark = Planes(3, 8, 8, FloatArray(192) { 0.5f })
        assertSame(dark, Highlights(Rules.highlights, smoothing).recovered(dark))
    }

    @Test
    fun picturesAreMadeSmallerAsPillowDoes() {
        assertClose(vectors["lanczos"], resampled(vectors["picture"], 25, 31, Filter.LANCZOS3).clipped(0f, 1f))
        assertClose(vectors["box"], resampled(vectors["sigma"], 23, 29, Filter.BOX))
    }

    @Test
    fun partsAreEnlargedAsPillowDoes() {
        val (top, bottom, left, right) = checkNotNull(vectors.facts["enlarged_part"]).jsonArray.map { it.jsonPrimitive.int }
        assertClose(vectors["enlarged"], enlargedPart(vectors["picture"], 130, 170, Part(top, bottom, left, right)))
    }

    @Test
    fun orientationsAreBitEqual() {
        val stored = vectors["upright_1"]
        for (orientation in Orientation.entries) {
            val expected = vectors["upright_${orientation.exif}"]
            val found = orientation.upright(stored)
            assertEquals(expected.height to expected.width, found.height to found.width)
            assertArrayEquals(orientation.name, expected.values, found.values, 0f)
        }
    }

    @Test
    fun tilesAreBitEqual() {
        for (case in checkNotNull(vectors.facts["spans"]).jsonArray.map { it.jsonObject }) {
            fun number(name: String) = checkNotNull(case[name]).jsonPrimitive.int
            val expected =
                checkNotNull(case["spans"]).jsonArray.map { span ->
                    val (start, from, to) = span.jsonArray.map { it.jsonPrimitive.int }
                    Span(start, from, to)
                }
            assertEquals(number("size"), paddedSize(number("asked"), number("tile"), 16))
            assertEquals(expected, spans(number("size"), number("tile"), number("halo"), 16))
        }
    }

    @Test
    fun photographsAreWorkedOnAtTheSameSizes() {
        val facts = checkNotNull(vectors.facts["working_sizes"]).jsonObject
        val (height, width) = checkNotNull(facts["graph"]).jsonArray.map { it.jsonPrimitive.int }
        val graph = TiledGraph({ it.values.first() }, height, width, 16, 16)
        val rules =
            ResizeRules(
                checkNotNull(facts["long_side_px"]).jsonPrimitive.int,
                checkNotNull(facts["one_call_share"]).jsonPrimitive.double,
                listOf(0f, 1f),
            )
        for (case in checkNotNull(facts["cases"]).jsonArray) {
            val (photoHeight, photoWidth, expectedHeight, expectedWidth) = case.jsonArray.map { it.jsonPrimitive.int }
            assertEquals(Size(expectedHeight, expectedWidth), rules.workingSize(photoHeight, photoWidth, graph))
        }
    }

    @Test
    fun aPictureLargerThanItsGraphComesOutAsInPython() {
        val toy =
            TiledGraph(
                { inputs ->
                    val sharp = inputs.getValue("sharp")
                    val target = inputs.getValue("target_sigma_px")
                    Planes(
                        3, sharp.height, sharp.width,
                        FloatArray(sharp.values.size) {
                            val share = min(abs(target.values[it % target.area]) / 4f, 1f)
                            sharp.values[it] + share * (0.25f - sharp.values[it])
                        },
                    )
                },
                96,
                128,
                16,
                16,
            )
        assertClose(vectors["large_refocused"], FullSize(toy).refocused(vectors["large"], vectors["large_target"]), 2e-5f)
    }
}
