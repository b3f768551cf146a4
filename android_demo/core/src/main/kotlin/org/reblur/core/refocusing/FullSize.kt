package org.reblur.core.refocusing

import org.reblur.core.Filter
import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.enlargedPart
import org.reblur.core.ramp
import org.reblur.core.resampled
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/** Largest sigma that leaves a pixel as it is. */
private const val IN_FOCUS_PX = 0.3f

/** Sigma in front of the plane of focus at which a pixel begins to spread over others, and does wholly. */
private val FRONT_PX = 1.0f to 1.9f

/** Sigma, in pixels of the smaller picture, from which its blur begins to be taken, and is taken alone. */
private val SEEN_PX = 1.4f to 2.2f

/** A tile's margin is so many of the largest sigmas that are rendered in it, and [MARGIN_PX] more. */
private const val REACH = 3.5f
private const val MARGIN_PX = 16

/** Tiles start at multiples of this, as the graph's smallest level does. */
private const val GRID_PX = 32

/** How much of a place shows from which it begins to count as not covered by anything in front, and does wholly. */
private val COVERED = 0.9f to 0.98f

private fun ramp(
    x: Float,
    ends: Pair<Float, Float>,
) = ramp(x, ends.first, ends.second)

/** A picture refocused at a size that the graph takes in one call. */
class Base(
    /** (3, h, w) sRGB, all in focus. */
    val sharp: Planes,
    /** (1, h, w) signed sigma, in its own pixels. */
    val targetPx: Planes,
    /** (3, h, w) refocused. */
    val picture: Planes,
    /** (1, h, w) in [0, 1]: how much of a place shows behind what is spread over it. */
    val shows: Planes,
)

/**
 * Runs the refocusing graph on pictures larger than it is.
 *
 * Blur has no detail to lose: it is computed at the size that fits and enlarged. What is sharp keeps every pixel, and only
 * where blur is too small to have been seen at the smaller size does the graph run again, on tiles of full size.
 */
class FullSize(
    private val graph: TiledGraph,
) {
    /** Blur [sharp] (3, h, w) by a signed sigma (1, h, w) of its own at each pixel, at any size. */
    fun refocused(
        sharp: Planes,
        targetPx: Planes,
    ): Planes {
        if (fittingSize(targetPx.height, targetPx.width) == targetPx.height to targetPx.width) {
            return oneCall(sharp, targetPx)
        }
        val result = Planes(3, targetPx.height, targetPx.width)
        atSize(baseOf(sharp, targetPx), targetPx.height, targetPx.width, sharp::part) { part, picture ->
            result.paste(part, picture)
        }
        return result
    }

    /** Refocus at the picture's own size or the largest that fits; likewise how its front layer covers the rest. */
    fun baseOf(
        sharp: Planes,
        targetPx: Planes,
    ): Base {
        val (height, width) = fittingSize(targetPx.height, targetPx.width)
        val fits = height == targetPx.height && width == targetPx.width
        val brightest = max(1f, sharp.values.max()) // a lamp's is above 1
        val small = if (fits) sharp else resampled(sharp, height, width, Filter.LANCZOS3).clipped(0f, brightest)
        val scale = width.toFloat() / targetPx.width
        val target = if (fits) targetPx else resampled(targetPx, height, width, Filter.BOX).map { it * scale }
        val picture = oneCall(small, target)
        val front = target.map { ramp(-it, FRONT_PX) }
        val shows =
            if (front.values.any { it != 0f }) {
                val white = Planes(3, height, width, front.values + front.values + front.values)
                // A picture of the front layer itself, white on black, comes out as its coverage; the graph squares it.
                val covered = oneCall(white, target)
                Planes(
                    1, height, width,
                    FloatArray(front.area) {
                        (1f - covered.values[it] * covered.values[it]).coerceIn(0f, 1f)
                    },
                )
            } else {
                target.map { 1f }
            }
        return Base(small, target, picture, shows)
    }

    /**
     * The refocused picture at a larger size, part by part.
     *
     * @param sharpOf gives a part of that size with everything in focus.
     * @param onPart takes each part, in [0, 1].
     */
    fun atSize(
        base: Base,
        height: Int,
        width: Int,
        sharpOf: (Part) -> Planes,
        onPart: (Part, Planes) -> Unit,
    ) {
        val ratio = width.toFloat() / base.targetPx.width
        val wanted = (REACH * SEEN_PX.second * ratio + MARGIN_PX).toInt()
        val rounded = (wanted + GRID_PX - 1) / GRID_PX * GRID_PX
        // Without room for tiles what is little blurred passes over from the one picture to the other.
        val margin = if (min(graph.height, graph.width) < 2 * rounded + GRID_PX) 0 else rounded
        val painter = PartPainter(graph, base, height, width, ratio, margin, sharpOf)
        for (part in parts(height, width, margin)) onPart(part, painter.paint(part))
    }

    private fun oneCall(
        sharp: Planes,
        targetPx: Planes,
    ) = graph.oneCall(sharp, targetPx)

    /** The picture's own size where the graph takes it in one call, else the largest that fits. */
    private fun fittingSize(
        height: Int,
        width: Int,
    ): Pair<Int, Int> {
        val scale = graph.fittingScale(height, width)
        if (scale >= 1.0) return height to width
        return max(1, (height * scale).toInt()) to max(1, (width * scale).toInt())
    }

    /** Parts that with their margins fit the graph, in the orientation that the picture has. */
    private fun parts(
        height: Int,
        width: Int,
        margin: Int,
    ): List<Part> {
        val same = (height >= width) == (graph.height >= graph.width)
        val tiles = if (same) graph.height to graph.width else graph.width to graph.height

        fun step(tile: Int) = ((tile - 2 * margin) / GRID_PX * GRID_PX).takeIf { it > 0 } ?: tile
        return (0 until height step step(tiles.first)).flatMap { top ->
            (0 until width step step(tiles.second)).map { left ->
                Part(top, min(height, top + step(tiles.first)), left, min(width, left + step(tiles.second)))
            }
        }
    }
}

/** Once, on a picture that fits: the result clipped to [0, 1]. */
internal fun TiledGraph.oneCall(
    sharp: Planes,
    targetPx: Planes,
): Planes = whole(mapOf(SHARP to sharp, TARGET to targetPx)).clipped(0f, 1f)

/** One part of a large picture after the other, from the base and, where blur is small, the graph. */
private class PartPainter(
    private val graph: TiledGraph,
    private val base: Base,
    private val height: Int,
    private val width: Int,
    private val ratio: Float,
    private val margin: Int,
    private val sharpOf: (Part) -> Planes,
) {
    private val seenFrom = SEEN_PX.first * ratio
    private val seenAlone = SEEN_PX.second * ratio

    fun paint(part: Part): Planes {
        val (least, most, uncovered) = extremes(part)
        if (least * ratio >= seenAlone) return enlarged(base.picture, part)
        val wide =
            Part(
                max(0, part.top - margin),
                min(height, part.bottom + margin),
                max(0, part.left - margin),
                min(width, part.right + margin),
            )
        val inside =
            Part(part.top - wide.top, part.bottom - wide.top, part.left - wide.left, part.right - wide.left)
        val target = enlarged(base.targetPx, wide).map { it * ratio }
        val sigma = target.part(inside).map { abs(it) }
        val own: Planes
        var result: Planes
        if (most * ratio <= IN_FOCUS_PX) {
            own = sharpOf(part)
            result = own
        } else {
            val sharp = sharpOf(wide)
            own = sharp.part(inside)
            val small =
                if (margin == 0) own else graph.oneCall(sharp, target.clipped(-seenAlone, seenAlone)).part(inside)
            val from = if (margin == 0) IN_FOCUS_PX else seenFrom
            val to = if (margin == 0) seenFrom else seenAlone
            result = small.mixed(enlarged(base.picture, part)) { ramp(sigma.values[it], from, to) }
        }
        if (uncovered < COVERED.second) result = covered(part, own, sigma, result)
        return result.clipped(0f, 1f)
    }

    /** Where a foreground spreads over what is sharp, detail fades by as much as it is covered. */
    private fun covered(
        part: Part,
        own: Planes,
        sigma: Planes,
        result: Planes,
    ): Planes {
        val shows = enlarged(base.shows, part)
        val blurred = enlarged(base.picture, part)
        val sharp = enlarged(base.sharp, part)
        val area = part.height * part.width
        val faded =
            Planes(
                3, part.height, part.width,
                FloatArray(3 * area) {
                    val at = it % area
                    val kept = shows.values[at] * (1f - ramp(sigma.values[at], IN_FOCUS_PX, seenFrom))
                    blurred.values[it] + kept * (own.values[it] - sharp.values[it])
                },
            )
        return faded.mixed(result) { ramp(shows.values[it], COVERED) }
    }

    private fun enlarged(
        of: Planes,
        part: Part,
    ) = enlargedPart(of, height, width, part)

    /** Of a part: the least and the largest sigma in the base's pixels, and how much of it shows at the least. */
    private fun extremes(part: Part): Triple<Float, Float, Float> {
        val rows = near(part.top, part.bottom, base.targetPx.height, height)
        val columns = near(part.left, part.right, base.targetPx.width, width)
        var least = Float.MAX_VALUE
        var most = 0f
        var shows = 1f
        for (row in rows) {
            for (column in columns) {
                val sigma = abs(base.targetPx[0, row, column])
                least = min(least, sigma)
                most = max(most, sigma)
                shows = min(shows, base.shows[0, row, column])
            }
        }
        return Triple(least, most, shows)
    }

    private fun near(
        start: Int,
        end: Int,
        small: Int,
        large: Int,
    ): IntRange {
        val scale = small.toDouble() / large
        return max(0, (start * scale).toInt() - 1)..min(small - 1, (end * scale).toInt() + 1)
    }
}

/** From this picture to [other], by a share of its own at each pixel. */
internal inline fun Planes.mixed(
    other: Planes,
    share: (Int) -> Float,
): Planes {
    val result = Planes(channels, height, width)
    for (at in 0 until area) {
        val part = share(at)
        for (i in at until values.size step area) {
            result.values[i] = values[i] + part * (other.values[i] - values[i])
        }
    }
    return result
}

/** Lay a part over this picture. */
internal fun Planes.paste(
    part: Part,
    picture: Planes,
) {
    for (channel in 0 until channels) {
        for (row in 0 until part.height) {
            val from = (channel * part.height + row) * part.width
            picture.values.copyInto(values, (channel * height + part.top + row) * width + part.left, from, from + part.width)
        }
    }
}
