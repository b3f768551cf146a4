package org.reblur.core.refocusing

import org.reblur.core.Planes
import org.reblur.core.manifest.HighlightRules
import org.reblur.core.ramp
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sqrt

/** Lamps that the sensor clipped, made brighter: small, white and alone (`conventions.highlights` of the manifest). */
class Highlights(
    private val rules: HighlightRules,
    private val smoothing: Smoothing,
) {
    /** (3, h, w) sRGB in [0, 1] -> the same above 1 where a lamp is; the very picture where there is none. */
    fun recovered(sharp: Planes): Planes {
        val area = sharp.area
        val (low, high) = rules.clipped
        val clipped =
            Planes(
                1, sharp.height, sharp.width,
                FloatArray(area) {
                    ramp(min(sharp.values[it], min(sharp.values[area + it], sharp.values[2 * area + it])), low, high)
                },
            )
        if (clipped.values.all { it == 0f }) return sharp
        val blocks = smoothing.blockMean(clipped)
        val radius = max(1, round(rules.around * max(blocks.height, blocks.width)).toInt())
        val values = DoubleArray(blocks.area) { blocks.values[it].toDouble() }
        val crowd = Boxes(blocks.height, blocks.width).mean(values, radius)
        val alone = FloatArray(crowd.size) { (1.0 - crowd[it] / rules.crowded).coerceIn(0.0, 1.0).toFloat() }
        val shares = smoothing.enlarged(Planes(1, blocks.height, blocks.width, alone), sharp.height, sharp.width)
        val result = Planes(sharp.channels, sharp.height, sharp.width, sharp.values.copyOf())
        for (at in 0 until area) {
            val gain = sqrt(1f + (rules.largestLight - 1f) * clipped.values[at] * shares.values[at])
            for (channel in 0 until sharp.channels) result.values[channel * area + at] *= gain
        }
        return result
    }
}
