package org.reblur.core.refocusing

import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import kotlin.math.max
import kotlin.math.min

/** One tile along one axis: where it starts, and which pixels of the picture are taken from it. */
data class Span(
    val start: Int,
    val keptFrom: Int,
    val keptTo: Int,
)

/**
 * Cover [size] pixels with tiles; the kept parts follow one another without gap or overlap.
 *
 * @param size at least [tile]; size - tile is a multiple of [alignment].
 * @param halo pixels at a tile's inner ends that are not kept.
 */
fun spans(
    size: Int,
    tile: Int,
    halo: Int,
    alignment: Int,
): List<Span> {
    val step = (tile - 2 * halo) / alignment * alignment
    if (size > tile && step <= 0) {
        throw ReblurException("Tiles of $tile px are too small for a halo of $halo px: export at a larger size.")
    }
    val result = mutableListOf<Span>()
    var start = 0
    var kept = 0
    while (start + tile < size) {
        result += Span(start, kept, start + tile - halo)
        kept = start + tile - halo
        start = min(start + step, size - tile)
    }
    return result + Span(start, kept, size)
}

/** Length to which an axis is continued: at least a tile, beyond it in steps of [alignment]. */
fun paddedSize(
    size: Int,
    tile: Int,
    alignment: Int,
): Int = tile + max(0, (size - tile + alignment - 1).floorDiv(alignment) * alignment)

/** A graph as the pipeline calls it: planes in, planes out. */
fun interface GraphRunner {
    fun run(inputs: Map<String, Planes>): Planes
}

/**
 * A graph of fixed size, run on pictures of any size.
 *
 * @param height of its tensors, as [width].
 * @param haloPx how far a pixel of its output sees: by so much tiles overlap on each side.
 * @param alignmentPx tiles start at multiples of this.
 */
class TiledGraph(
    private val runner: GraphRunner,
    val height: Int,
    val width: Int,
    private val haloPx: Int,
    private val alignmentPx: Int,
) {
    /** Once, on pictures that are no larger, in either orientation; what is missing is their mirror image. */
    fun whole(inputs: Map<String, Planes>): Planes {
        val picture = inputs.values.first()
        if (picture.height > height || picture.width > width) {
            if (picture.width > height || picture.height > width) {
                throw ReblurException("${picture.height}x${picture.width} pixels do not fit into ${height}x$width.")
            }
            return whole(inputs.mapValues { it.value.transposed() }).transposed()
        }
        if (picture.height == height && picture.width == width) return runner.run(inputs)
        val wide =
            inputs.mapValues { (_, x) -> x.extended(height, width, { mirrored(it, x.height) }, { mirrored(it, x.width) }) }
        return runner.run(wide).part(Part(0, picture.height, 0, picture.width))
    }

    /** What a picture is to be scaled by to fit just so, lying or standing. */
    fun fittingScale(
        pictureHeight: Int,
        pictureWidth: Int,
    ): Double {
        val lying = min(height.toDouble() / pictureHeight, width.toDouble() / pictureWidth)
        val standing = min(width.toDouble() / pictureHeight, height.toDouble() / pictureWidth)
        return max(lying, standing)
    }

    /** On pictures of any size, in tiles, lying or standing, whichever takes fewer. */
    fun anywhere(
        inputs: Map<String, Planes>,
        onTile: () -> Unit = {},
    ): Planes {
        val picture = inputs.values.first()
        if (isTransposed(picture.height, picture.width)) {
            return inTiles(inputs.mapValues { it.value.transposed() }, onTile).transposed()
        }
        return inTiles(inputs, onTile)
    }

    /** How often [anywhere] runs the graph. */
    fun count(
        pictureHeight: Int,
        pictureWidth: Int,
    ): Int =
        if (isTransposed(pictureHeight, pictureWidth)) {
            tiles(pictureWidth, pictureHeight)
        } else {
            tiles(pictureHeight, pictureWidth)
        }

    private fun isTransposed(
        pictureHeight: Int,
        pictureWidth: Int,
    ): Boolean {
        if (height == width) return false
        val standing = tilesOrNull(pictureWidth, pictureHeight) ?: return false
        val lying = tilesOrNull(pictureHeight, pictureWidth) ?: return true
        return standing < lying
    }

    private fun tiles(
        pictureHeight: Int,
        pictureWidth: Int,
    ): Int = down(pictureHeight).size * across(pictureWidth).size

    private fun tilesOrNull(
        pictureHeight: Int,
        pictureWidth: Int,
    ): Int? =
        try {
            tiles(pictureHeight, pictureWidth)
        } catch (_: ReblurException) {
            null
        }

    private fun down(size: Int) = spans(paddedSize(size, height, alignmentPx), height, haloPx, alignmentPx)

    private fun across(size: Int) = spans(paddedSize(size, width, alignmentPx), width, haloPx, alignmentPx)

    private fun inTiles(
        inputs: Map<String, Planes>,
        onTile: () -> Unit,
    ): Planes {
        val picture = inputs.values.first()
        val rows = down(picture.height)
        val columns = across(picture.width)
        val fullHeight = paddedSize(picture.height, height, alignmentPx)
        val fullWidth = paddedSize(picture.width, width, alignmentPx)
        val padded =
            inputs.mapValues { (_, x) ->
                x.extended(fullHeight, fullWidth, { min(it, x.height - 1) }, { min(it, x.width - 1) })
            }
        var result: Planes? = null
        for (y in rows) {
            for (x in columns) {
                val window = Part(y.start, y.start + height, x.start, x.start + width)
                val tile = runner.run(padded.mapValues { it.value.part(window) })
                val whole = result ?: Planes(tile.channels, fullHeight, fullWidth).also { result = it }
                whole.paste(tile, y, x)
                onTile()
            }
        }
        return checkNotNull(result).part(Part(0, picture.height, 0, picture.width))
    }
}

private fun Planes.paste(
    tile: Planes,
    rows: Span,
    columns: Span,
) {
    for (channel in 0 until channels) {
        for (row in rows.keptFrom until rows.keptTo) {
            val from = (channel * tile.height + row - rows.start) * tile.width - columns.start
            tile.values.copyInto(
                values,
                (channel * height + row) * width + columns.keptFrom,
                from + columns.keptFrom,
                from + columns.keptTo,
            )
        }
    }
}

/** Which of [size] pixels stands at a place beyond them when they are mirrored again and again. */
fun mirrored(
    at: Int,
    size: Int,
): Int = (at % (2 * size)).let { if (it < size) it else 2 * size - 1 - it }
