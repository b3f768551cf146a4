package org.reblur.core.refocusing

import org.reblur.core.Filter
import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.RowResampler
import org.reblur.core.enlargedPart
import org.reblur.core.manifest.Manifest
import org.reblur.core.ramp
import org.reblur.core.resampled
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/** Names of the graphs' tensors, as the manifest's `graphs` has them. */
internal const val IMAGE = "image"
internal const val SIGMA = "sigma_px"
internal const val SHARP = "sharp"
internal const val TARGET = "target_sigma_px"

/** The graphs that a pipeline consists of. */
class Graphs(
    val defocus: TiledGraph,
    val deblur: TiledGraph,
    val refocus: TiledGraph,
)

/** Pixels of an upright photograph of any size, read part by part. */
interface PhotoPixels {
    val height: Int
    val width: Int

    /** (3, h', w') sRGB in [0, 1]. */
    fun part(part: Part): Planes
}

/** What is known of a photograph before anything is tapped, at its working size. */
class Analysis(
    /** (3, h, w) sRGB in [0, 1]: the photograph. */
    val picture: Planes,
    /** (1, h, w) estimated blur of the photograph: sigma in pixels. */
    val sigmaPx: Planes,
    /** (1, h, w) the map that the optics go by; signed where [confidence] is null. */
    val defocusPx: Planes,
    /** (1, h', w') how far blur can be told; null where depth came with the photograph. */
    val confidence: Planes?,
    /** (3, h, w) sRGB in [0, 1]: all in focus. */
    val sharp: Planes,
    /** The same with lamps as bright as they may have been. */
    val lit: Planes,
    val photoHeight: Int,
    val photoWidth: Int,
)

/**
 * From a photograph to refocused pictures: an analysis once a photograph, then one graph a tap.
 *
 * Every constant comes from the manifest. Not for several threads at once.
 *
 * @param check called between steps; throws where the work is not wanted any more.
 */
class RefocusPipeline(
    private val manifest: Manifest,
    private val graphs: Graphs,
) {
    private val conventions = manifest.conventions
    private val smoothing = Smoothing(conventions.smoothing, manifest.sigmaMaxPx)
    private val highlights = Highlights(conventions.highlights, smoothing)
    private val optics = Optics(conventions.optics, manifest.targetMaxPx)
    private val fullSize = FullSize(graphs.refocus)

    /** Estimate the blur of a photograph and remove it; [disparity] (1, h', w') in [0, 1] where it carries its depth. */
    fun analyse(
        photo: PhotoPixels,
        disparity: Planes? = null,
        check: () -> Unit = {},
        onProgress: (done: Int, total: Int) -> Unit = { _, _ -> },
    ): Analysis {
        val picture = workingPicture(photo, check)
        val total = listOf(graphs.defocus, graphs.deblur).sumOf { it.count(picture.height, picture.width) }
        var done = 0
        onProgress(done, total)
        val onTile = {
            check()
            onProgress(++done, total)
        }
        val (low, high) = manifest.outputRange(DEFOCUS)
        val sigma = graphs.defocus.anywhere(mapOf(IMAGE to picture), onTile).clipped(low, high)
        var sharp =
            graphs.deblur.anywhere(mapOf(IMAGE to picture, SIGMA to sigma), onTile).clipped(0f, 1f)
        if (isGrey(picture)) sharp = sharp.grey()
        check()
        val smooth = smoothing.smooth(sigma, picture)
        val measured = disparity?.let { depth(it, picture) }
        return Analysis(
            picture = picture,
            sigmaPx = sigma,
            defocusPx = measured ?: smooth.defocusPx,
            confidence = if (measured == null) smooth.confidence else null,
            sharp = sharp,
            lit = highlights.recovered(sharp),
            photoHeight = photo.height,
            photoWidth = photo.width,
        )
    }

    /** Focus on a point, at the working size: (3, h, w) sRGB in [0, 1]. */
    fun refocus(
        analysis: Analysis,
        focus: Focus,
        fNumber: Float,
    ): Planes = refocus(fullSize, analysis, focus, fNumber)

    /** The same through another graph, such as the quick form of it. */
    fun refocus(
        through: FullSize,
        analysis: Analysis,
        focus: Focus,
        fNumber: Float,
    ): Planes {
        val target = optics.target(analysis.defocusPx, focus, fNumber, analysis.confidence)
        val result = through.refocused(analysis.lit, target)
        if (analysis.confidence == null) return result
        val kept = agreement(target, analysis)
        return result.mixed(analysis.picture) { kept.values[it] }
    }

    /** Focus on a point, at the photograph's own size; [onPart] takes each part, and the rows done so far. */
    fun refocusPhoto(
        photo: PhotoPixels,
        analysis: Analysis,
        focus: Focus,
        fNumber: Float,
        check: () -> Unit = {},
        onPart: (Part, Planes) -> Unit,
    ) {
        if (photo.height != analysis.photoHeight || photo.width != analysis.photoWidth) {
            throw ReblurException("This is not the photograph that was analysed: open it again.")
        }
        val target = optics.target(analysis.defocusPx, focus, fNumber, analysis.confidence)
        val base = fullSize.baseOf(analysis.lit, target)
        val added = analysis.sharp.minus(analysis.picture)
        val kept = if (analysis.confidence == null) target.map { 0f } else agreement(target, analysis)
        val lamps = if (analysis.lit === analysis.sharp) null else lampsOf(analysis)

        fun enlarged(
            of: Planes,
            part: Part,
        ) = enlargedPart(of, photo.height, photo.width, part)

        val sharpOf = { part: Part ->
            val detail = enlarged(added, part)
            val own = photo.part(part)
            for (i in own.values.indices) own.values[i] = (own.values[i] + detail.values[i]).coerceIn(0f, 1f)
            if (lamps != null) {
                val gain = enlarged(lamps, part)
                for (i in own.values.indices) own.values[i] *= gain.values[i]
            }
            own
        }
        fullSize.atSize(base, photo.height, photo.width, sharpOf) { part, picture ->
            check()
            val share = enlarged(kept, part)
            val unchanged = share.values.all { it == 0f }
            onPart(part, if (unchanged) picture else picture.mixed(photo.part(part)) { share.values[it] })
        }
    }

    /** The photograph at its working size, a strip of rows at a time. */
    fun workingPicture(
        photo: PhotoPixels,
        check: () -> Unit = {},
    ): Planes {
        val (height, width) = manifest.resize.workingSize(photo.height, photo.width, graphs.defocus)
        if (max(photo.height, photo.width) < LEAST_LONG_SIDE_PX) {
            throw ReblurException("The photograph is too small: its long side must be at least $LEAST_LONG_SIDE_PX px.")
        }
        if (height == photo.height && width == photo.width) return photo.part(Part(0, height, 0, width))
        val smaller = RowResampler(3, photo.height, photo.width, height, width, Filter.LANCZOS3)
        for (top in 0 until photo.height step STRIP_ROWS) {
            check()
            val strip = photo.part(Part(top, min(photo.height, top + STRIP_ROWS), 0, photo.width))
            for (row in 0 until strip.height) {
                smaller.add(top + row) { channel, column -> strip[channel, row, column] }
            }
        }
        val (low, high) = manifest.resize.range
        return smaller.result.clipped(low, high)
    }

    /** Signed defocus (1, h, w) by the depth that came with the photograph. */
    private fun depth(
        disparity: Planes,
        picture: Planes,
    ): Planes {
        val fitted = resampled(disparity, picture.height, picture.width, Filter.LANCZOS3).clipped(0f, 1f)
        return Optics.fromDisparity(fitted, Optics.DISPARITY_RANGE * max(picture.height, picture.width))
    }

    /** The photograph stays where the blur asked for is its own. */
    private fun agreement(
        target: Planes,
        analysis: Analysis,
    ): Planes {
        val rules = conventions.agreement
        return Planes(
            1, target.height, target.width,
            FloatArray(target.area) {
                1f - ramp(abs(target.values[it] - analysis.defocusPx.values[it]), rules.fromPx, rules.toPx)
            },
        )
    }

    private fun isGrey(picture: Planes): Boolean {
        val area = picture.area
        return (0 until area).all { at ->
            val (red, green, blue) = Triple(picture.values[at], picture.values[area + at], picture.values[2 * area + at])
            max(red, max(green, blue)) - min(red, min(green, blue)) <= conventions.greyWithin
        }
    }

    companion object {
        const val DEFOCUS = "defocus"
        const val DEBLUR = "deblur"
        const val REFOCUS = "refocus"
        const val PREVIEW = "preview"

        /** Smaller pictures are too small to be told anything of. */
        const val LEAST_LONG_SIDE_PX = 32
        private const val STRIP_ROWS = 64
    }
}

private fun lampsOf(analysis: Analysis) =
    Planes(
        3, analysis.lit.height, analysis.lit.width,
        FloatArray(analysis.lit.values.size) {
            analysis.lit.values[it] / max(analysis.sharp.values[it], 1e-3f)
        },
    )

private fun Planes.minus(other: Planes) = Planes(channels, height, width, FloatArray(values.size) { values[it] - other.values[it] })

private fun Planes.grey(): Planes {
    val mean = FloatArray(area) { (values[it] + values[area + it] + values[2 * area + it]) / 3f }
    return Planes(3, height, width, mean + mean + mean)
}
