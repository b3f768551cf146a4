package org.reblur.core.refocusing

import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.manifest.OpticsRules
import org.reblur.core.ramp
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/** A point of the picture: rightwards and downwards, both in [0, 1]. */
data class Focus(
    val x: Float,
    val y: Float,
)

/**
 * A thin lens: from a tapped point and an f-number to the blur of every pixel.
 *
 * target(p) = (N0 / N) (s(p) - s(tap)), s being the photograph's own signed defocus; above 0 behind the plane of focus
 * and below it in front. `conventions.optics` of the manifest has the constants.
 */
class Optics(
    private val rules: OpticsRules,
    private val targetMaxPx: Float,
) {
    /**
     * (1, h, w) sigma in pixels, signed.
     *
     * @param defocusPx (1, h, w) defocus of the photograph, signed where it is known to be.
     * @param confidence (1, h', w') how far each value is to be trusted; null where the map is measured.
     */
    fun target(
        defocusPx: Planes,
        focus: Focus,
        fNumber: Float,
        confidence: Planes?,
    ): Planes {
        if (focus.x !in 0f..1f || focus.y !in 0f..1f) {
            throw ReblurException("The focus must be a point of the picture, both numbers in [0, 1], got ${focus.x}, ${focus.y}.")
        }
        if (!fNumber.isFinite() || fNumber <= 0f) {
            throw ReblurException("The aperture must be an f-number above 0, such as 1.4, got $fNumber.")
        }
        val at = if (confidence == null) medianAt(defocusPx, focus) else meanAt(defocusPx, confidence, focus)
        val gain = (rules.referenceFNumber / fNumber).toFloat()
        val (low, high) = rules.inFocusPx
        return defocusPx.map { value ->
            val difference = value - at.toFloat()
            (gain * ramp(abs(difference), low, high) * difference).coerceIn(-targetMaxPx, targetMaxPx)
        }
    }

    private fun medianAt(
        map: Planes,
        focus: Focus,
    ): Double {
        val (rows, columns) = window(map, focus)
        val sorted = rows.flatMap { row -> columns.map { map[0, row, it] } }.sorted()
        val middle = sorted.size / 2
        return if (sorted.size % 2 == 1) sorted[middle].toDouble() else (sorted[middle - 1] + sorted[middle]) / 2.0
    }

    private fun meanAt(
        map: Planes,
        confidence: Planes,
        focus: Focus,
    ): Double {
        val (rows, columns) = window(confidence, focus)
        var sum = 0.0
        var weights = 0.0
        for (row in rows) {
            for (column in columns) {
                val y = ((row + 0.5) * map.height / confidence.height).toInt().coerceIn(0, map.height - 1)
                val x = ((column + 0.5) * map.width / confidence.width).toInt().coerceIn(0, map.width - 1)
                sum += confidence[0, row, column].toDouble() * map[0, y, x]
                weights += confidence[0, row, column]
            }
        }
        return sum / weights
    }

    private fun window(
        map: Planes,
        focus: Focus,
    ): Pair<IntRange, IntRange> {
        val column = min((focus.x * map.width).toInt(), map.width - 1)
        val row = min((focus.y * map.height).toInt(), map.height - 1)
        val radius = max(rules.leastTapRadius, round(rules.tapRadius * max(map.height, map.width)).toInt())
        return max(0, row - radius)..min(map.height - 1, row + radius) to
            max(0, column - radius)..min(map.width - 1, column + radius)
    }

    companion object {
        /** Difference in defocus over a depth map's whole range at the reference aperture, relative to the long side. */
        const val DISPARITY_RANGE = 12f / 1024f

        /** Signed defocus (1, h, w) of a map of nearness in [0, 1], 1 at the nearest; [rangePx] lies between its ends. */
        fun fromDisparity(
            disparity: Planes,
            rangePx: Float,
        ): Planes = disparity.map { (1f - it) * rangePx }
    }
}
