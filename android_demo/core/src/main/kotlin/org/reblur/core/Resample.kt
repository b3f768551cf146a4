package org.reblur.core

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** A filter for changing a picture's size; scaled up with the step when making smaller, so that nothing aliases. */
enum class Filter(
    val support: Double,
    val at: (Double) -> Double,
) {
    BOX(0.5, { if (it > -0.5 && it <= 0.5) 1.0 else 0.0 }),
    LANCZOS3(3.0, { if (abs(it) < 3.0) sinc(it) * sinc(it / 3.0) else 0.0 }),
}

private fun sinc(x: Double): Double = if (x == 0.0) 1.0 else sin(PI * x) / (PI * x)

/** Which source pixels make a target pixel, along one axis. */
class Taps(
    val first: IntArray,
    val weights: Array<DoubleArray>,
)

/** The taps that take [from] pixels to [to]; pixel centres are at half. */
fun tapsOf(
    from: Int,
    to: Int,
    filter: Filter,
): Taps {
    val step = from.toDouble() / to
    val stretch = max(step, 1.0)
    val reach = filter.support * stretch
    val first = IntArray(to)
    val weights =
        Array(to) { target ->
            val center = (target + 0.5) * step
            val low = max(0, (center - reach + 0.5).toInt())
            val high = min(from, (center + reach + 0.5).toInt())
            first[target] = low
            val raw = DoubleArray(high - low) { filter.at((low + it - center + 0.5) / stretch) }
            val sum = raw.sum()
            DoubleArray(raw.size) { raw[it] / sum }
        }
    return Taps(first, weights)
}

/** A picture of another size; nothing is clipped. */
fun resampled(
    source: Planes,
    height: Int,
    width: Int,
    filter: Filter,
): Planes {
    val shrinker = RowResampler(source.channels, source.height, source.width, height, width, filter)
    for (row in 0 until source.height) {
        shrinker.add(row) { channel, column -> source[channel, row, column] }
    }
    return shrinker.result
}

/**
 * Changes a picture's size while it comes in row by row, in any order: a large photograph never stands in memory as floats.
 *
 * Columns first, each rounded to a float, then rows.
 */
class RowResampler(
    private val channels: Int,
    private val fromHeight: Int,
    private val fromWidth: Int,
    private val height: Int,
    private val width: Int,
    filter: Filter,
) {
    private val columns = tapsOf(fromWidth, width, filter)
    private val sums = DoubleArray(channels * height * width)
    private val uses: Array<MutableList<Pair<Int, Double>>> = Array(fromHeight) { mutableListOf() }
    private val line = FloatArray(fromWidth)
    private val short = FloatArray(width)

    init {
        val rows = tapsOf(fromHeight, height, filter)
        for (target in 0 until height) {
            rows.weights[target].forEachIndexed { i, weight -> uses[rows.first[target] + i] += target to weight }
        }
    }

    /** Take in a row; [pixel] gives its value by channel and column. */
    fun add(
        row: Int,
        pixel: (channel: Int, column: Int) -> Float,
    ) {
        for (channel in 0 until channels) {
            for (column in 0 until fromWidth) line[column] = pixel(channel, column)
            for (target in 0 until width) {
                val weights = columns.weights[target]
                val first = columns.first[target]
                var sum = 0.0
                for (i in weights.indices) sum += line[first + i] * weights[i]
                short[target] = sum.toFloat()
            }
            for ((target, weight) in uses[row]) {
                val at = (channel * height + target) * width
                for (column in 0 until width) sums[at + column] += short[column] * weight
            }
        }
    }

    /** The picture, once all rows were added. */
    val result: Planes
        get() = Planes(channels, height, width, FloatArray(sums.size) { sums[it].toFloat() })
}

/** A [part] of a picture as it is, bilinearly, at a larger size ([height], [width]). */
fun enlargedPart(
    source: Planes,
    height: Int,
    width: Int,
    part: Part,
): Planes {
    val result = Planes(source.channels, part.height, part.width)
    val across = Linear(source.width, width, part.left, part.right)
    val down = Linear(source.height, height, part.top, part.bottom)
    for (channel in 0 until source.channels) {
        for (row in 0 until part.height) {
            val upper = (channel * source.height + down.low[row]) * source.width
            val lower = (channel * source.height + down.high[row]) * source.width
            val at = (channel * part.height + row) * part.width
            for (column in 0 until part.width) {
                val low = across.low[column]
                val high = across.high[column]
                val share = across.share[column]
                val above = source.values[upper + low] + share * (source.values[upper + high] - source.values[upper + low])
                val below = source.values[lower + low] + share * (source.values[lower + high] - source.values[lower + low])
                result.values[at + column] = above + down.share[row] * (below - above)
            }
        }
    }
    return result
}

/** Neighbours and shares of linear interpolation along one axis, constant beyond the outermost pixels' middles. */
private class Linear(
    from: Int,
    to: Int,
    start: Int,
    end: Int,
) {
    val low = IntArray(end - start)
    val high = IntArray(end - start)
    val share = FloatArray(end - start)

    init {
        for (i in low.indices) {
            val at = ((start + i + 0.5) * from / to - 0.5).coerceIn(0.0, from - 1.0)
            low[i] = at.toInt()
            high[i] = min(low[i] + 1, from - 1)
            share[i] = (at - low[i]).toFloat()
        }
    }
}
