package org.reblur.core.refocusing

import org.reblur.core.Planes
import org.reblur.core.manifest.SmoothingRules
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/** A map to refocus by, and how far blur can be told in each block of the picture. */
class Smoothed(
    val defocusPx: Planes,
    val confidence: Planes,
)

/**
 * Spreads a map of blur from textured places to flat ones, along the picture's edges.
 *
 * The fast guided filter (He and Sun 2015), weighted: lines are fitted on block means, `conventions.smoothing` of the
 * manifest has every constant.
 */
class Smoothing(
    private val rules: SmoothingRules,
    private val sigmaMaxPx: Float,
) {
    /** [sigmaPx] (1, h, w) in pixels, [picture] (3, h, w) sRGB in [0, 1]. */
    fun smooth(
        sigmaPx: Planes,
        picture: Planes,
    ): Smoothed {
        val luma = lumaOf(picture)
        val confidence = confidenceOf(luma)
        val guide = blockMean(luma).doubles()
        var values = blockMean(sigmaPx).doubles()
        val trust = confidence.doubles()
        val boxes = Boxes(confidence.height, confidence.width)
        val longSide = max(sigmaPx.height, sigmaPx.width)
        val radius = max(rules.leastRadius, round(rules.radius * longSide / rules.reduction).toInt())
        val wide = rules.wider * radius
        val around = zip(boxes.mean(zip(trust, values) { a, b -> a * b }, wide), boxes.mean(trust, wide)) { a, b -> a / b }
        val weights = DoubleArray(trust.size) { trust[it] + rules.widerWeight }
        values = DoubleArray(values.size) {
            (trust[it] * values[it] + rules.widerWeight * around[it]) / weights[it]
        }
        val total = boxes.mean(weights, radius)

        fun mean(x: DoubleArray) = zip(boxes.mean(zip(weights, x) { a, b -> a * b }, radius), total) { a, b -> a / b }

        val meanGuide = mean(guide)
        val meanValues = mean(values)
        val squares = mean(zip(guide, guide) { a, b -> a * b })
        val products = mean(zip(guide, values) { a, b -> a * b })
        val slope = DoubleArray(guide.size) {
            val variance = max(squares[it] - meanGuide[it] * meanGuide[it], 0.0)
            (products[it] - meanGuide[it] * meanValues[it]) / (variance + rules.epsilon)
        }
        val offset = mean(DoubleArray(guide.size) { meanValues[it] - slope[it] * meanGuide[it] })
        val slopes = enlarged(confidence.like(mean(slope)), luma.height, luma.width)
        val offsets = enlarged(confidence.like(offset), luma.height, luma.width)
        val smooth = FloatArray(luma.area) {
            (slopes.values[it] * luma.values[it] + offsets.values[it]).coerceIn(0f, sigmaMaxPx)
        }
        return Smoothed(Planes(1, luma.height, luma.width, smooth), confidence)
    }

    private fun lumaOf(picture: Planes): Planes {
        val (red, green, blue) = rules.luma
        val area = picture.area
        return Planes(
            1, picture.height, picture.width,
            FloatArray(area) {
                picture.values[it] * red + picture.values[area + it] * green + picture.values[2 * area + it] * blue
            },
        )
    }

    /** Near 1 on texture and edges, near 0 where the picture is flat: the mean squared gradient against its rule. */
    private fun confidenceOf(luma: Planes): Planes {
        val energy = Planes(1, luma.height, luma.width)
        for (row in 0 until luma.height) {
            for (column in 0 until luma.width) {
                val down =
                    if (row in 1 until luma.height - 1) (luma[0, row + 1, column] - luma[0, row - 1, column]) / 2f else 0f
                val across =
                    if (column in 1 until luma.width - 1) (luma[0, row, column + 1] - luma[0, row, column - 1]) / 2f else 0f
                energy[0, row, column] = down * down + across * across
            }
        }
        val flat = rules.flatGradient * rules.flatGradient
        return blockMean(energy).map { it / (it + flat) + rules.confidenceFloor }
    }

    /** Means over blocks; the last row and column are repeated to whole blocks. */
    fun blockMean(x: Planes): Planes {
        val side = rules.reduction
        val result = Planes(1, (x.height + side - 1) / side, (x.width + side - 1) / side)
        for (row in 0 until result.height) {
            for (column in 0 until result.width) {
                var sum = 0f
                for (y in row * side until (row + 1) * side) {
                    for (z in column * side until (column + 1) * side) {
                        sum += x[0, min(y, x.height - 1), min(z, x.width - 1)]
                    }
                }
                result[0, row, column] = sum / (side * side)
            }
        }
        return result
    }

    /** The reverse of [blockMean]: bilinear between the blocks' middles, constant beyond the outermost, cut to size. */
    fun enlarged(
        blocks: Planes,
        height: Int,
        width: Int,
    ): Planes {
        val result = Planes(1, height, width)
        for (row in 0 until height) {
            val y = middle(row, blocks.height)
            val top = min(y.toInt(), max(blocks.height - 2, 0))
            val bottom = min(top + 1, blocks.height - 1)
            for (column in 0 until width) {
                val x = middle(column, blocks.width)
                val left = min(x.toInt(), max(blocks.width - 2, 0))
                val right = min(left + 1, blocks.width - 1)
                val a = blocks[0, top, left] + (y - top) * (blocks[0, bottom, left] - blocks[0, top, left])
                val b = blocks[0, top, right] + (y - top) * (blocks[0, bottom, right] - blocks[0, top, right])
                result[0, row, column] = a + (x - left) * (b - a)
            }
        }
        return result
    }

    private fun middle(
        at: Int,
        blocks: Int,
    ): Float = ((at + 0.5) / rules.reduction - 0.5).coerceIn(0.0, blocks - 1.0).toFloat()
}

/** Means over squares that are cut off at the border of a map of this size. */
class Boxes(
    private val height: Int,
    private val width: Int,
) {
    fun mean(
        x: DoubleArray,
        radius: Int,
    ): DoubleArray {
        val down = DoubleArray(x.size)
        for (column in 0 until width) along(x, down, column, width, height, radius)
        val result = DoubleArray(x.size)
        for (row in 0 until height) along(down, result, row * width, 1, width, radius)
        return result
    }

    private fun along(
        from: DoubleArray,
        to: DoubleArray,
        start: Int,
        step: Int,
        size: Int,
        radius: Int,
    ) {
        val sums = DoubleArray(size + 1)
        for (i in 0 until size) sums[i + 1] = sums[i] + from[start + i * step]
        for (i in 0 until size) {
            val low = max(i - radius, 0)
            val high = min(i + radius + 1, size)
            to[start + i * step] = (sums[high] - sums[low]) / (high - low)
        }
    }
}

private fun Planes.doubles() = DoubleArray(values.size) { values[it].toDouble() }

private fun Planes.like(x: DoubleArray) = Planes(1, height, width, FloatArray(x.size) { x[it].toFloat() })

private inline fun zip(
    a: DoubleArray,
    b: DoubleArray,
    with: (Double, Double) -> Double,
) = DoubleArray(a.size) { with(a[it], b[it]) }
