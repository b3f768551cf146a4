package org.reblur.core.photos

import org.reblur.core.Planes

/** How stored pixels lie: the values of EXIF's tag 274 (CIPA DC-008). */
enum class Orientation(
    val exif: Int,
    /** Whether upright rows are stored columns. */
    val swaps: Boolean,
    private val flipsX: Boolean,
    private val flipsY: Boolean,
) {
    UPRIGHT(1, false, false, false),
    MIRRORED(2, false, true, false),
    TURNED_180(3, false, true, true),
    MIRRORED_180(4, false, false, true),
    TRANSPOSED(5, true, false, false),
    TURNED_90(6, true, false, true),
    TRANSVERSED(7, true, true, true),
    TURNED_270(8, true, true, false),
    ;

    /** Row and column in a stored picture ([height], [width]) of a pixel of the upright one; packed for speed. */
    fun stored(
        row: Int,
        column: Int,
        height: Int,
        width: Int,
    ): Int {
        val y = if (swaps) column else row
        val x = if (swaps) row else column
        return (if (flipsY) height - 1 - y else y) * width + if (flipsX) width - 1 - x else x
    }

    /** Turn stored planes upright. */
    fun upright(stored: Planes): Planes {
        if (this == UPRIGHT) return stored
        val result =
            if (swaps) Planes(stored.channels, stored.width, stored.height) else Planes(stored.channels, stored.height, stored.width)
        for (channel in 0 until stored.channels) {
            for (row in 0 until result.height) {
                for (column in 0 until result.width) {
                    result[channel, row, column] =
                        stored.values[channel * stored.area + stored(row, column, stored.height, stored.width)]
                }
            }
        }
        return result
    }

    companion object {
        /** By the tag's value; anything that is none of 1 to 8 counts as upright. */
        fun of(exif: Int): Orientation = entries.firstOrNull { it.exif == exif } ?: UPRIGHT
    }
}
