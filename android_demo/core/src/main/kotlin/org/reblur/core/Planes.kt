package org.reblur.core

/**
 * A picture or a map of floats: (channels, height, width), channel by channel, each row by row.
 *
 * Pictures are RGB, sRGB in [0, 1] unless said otherwise; maps have one channel.
 */
class Planes(
    val channels: Int,
    val height: Int,
    val width: Int,
    val values: FloatArray = FloatArray(channels * height * width),
) {
    init {
        require(values.size == channels * height * width) {
            "expected ${channels}x${height}x$width values, got ${values.size}"
        }
    }

    /** Values in a plane. */
    val area: Int get() = height * width

    operator fun get(
        channel: Int,
        row: Int,
        column: Int,
    ): Float = values[(channel * height + row) * width + column]

    operator fun set(
        channel: Int,
        row: Int,
        column: Int,
        value: Float,
    ) {
        values[(channel * height + row) * width + column] = value
    }

    /** A copy with each value changed. */
    inline fun map(change: (Float) -> Float): Planes = Planes(channels, height, width, FloatArray(values.size) { change(values[it]) })

    /** A copy with each value held between [low] and [high]. */
    fun clipped(
        low: Float,
        high: Float,
    ): Planes = map { it.coerceIn(low, high) }

    /** A copy of some rows and columns. */
    fun part(part: Part): Planes {
        val result = Planes(channels, part.height, part.width)
        for (channel in 0 until channels) {
            for (row in 0 until part.height) {
                val from = (channel * height + part.top + row) * width + part.left
                values.copyInto(result.values, (channel * part.height + row) * part.width, from, from + part.width)
            }
        }
        return result
    }

    /** Rows for columns. */
    fun transposed(): Planes {
        val result = Planes(channels, width, height)
        for (channel in 0 until channels) {
            for (row in 0 until height) {
                for (column in 0 until width) result[channel, column, row] = this[channel, row, column]
            }
        }
        return result
    }

    /** The picture continued to the right and downwards; [row] and [column] say which pixel stands in each place. */
    inline fun extended(
        newHeight: Int,
        newWidth: Int,
        row: (Int) -> Int,
        column: (Int) -> Int,
    ): Planes {
        val result = Planes(channels, newHeight, newWidth)
        val columns = IntArray(newWidth) { column(it) }
        for (y in 0 until newHeight) {
            val from = row(y)
            for (channel in 0 until channels) {
                for (x in 0 until newWidth) result[channel, y, x] = this[channel, from, columns[x]]
            }
        }
        return result
    }
}

/** Rows [top] until [bottom] and columns [left] until [right] of a picture. */
data class Part(
    val top: Int,
    val bottom: Int,
    val left: Int,
    val right: Int,
) {
    val height: Int get() = bottom - top
    val width: Int get() = right - left
}

/** 0 up to [low], rising evenly to 1 at [high] and beyond. */
fun ramp(
    x: Float,
    low: Float,
    high: Float,
): Float = ((x - low) / (high - low)).coerceIn(0f, 1f)

/** What went wrong, as one sentence for people: what was expected, what came, what to do. */
open class ReblurException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause)
