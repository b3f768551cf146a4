package org.reblur.core.refocusing

import org.reblur.core.manifest.ResizeRules
import org.reblur.core.manifest.Size
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/**
 * The size at which a photograph is worked on: its long side limited, never enlarged; a little smaller where [graph]
 * then takes it in one call, lying or standing.
 */
fun ResizeRules.workingSize(
    photoHeight: Int,
    photoWidth: Int,
    graph: TiledGraph,
): Size {
    val limit = min(1.0, longSidePx.toDouble() / max(photoHeight, photoWidth))
    val fits = graph.fittingScale(photoHeight, photoWidth)
    val scale = if (oneCallShare != null && fits >= oneCallShare * limit) min(fits, limit) else limit
    // Half to even, as the manifest says.
    return Size(max(1, round(photoHeight * scale).toInt()), max(1, round(photoWidth * scale).toInt()))
}
