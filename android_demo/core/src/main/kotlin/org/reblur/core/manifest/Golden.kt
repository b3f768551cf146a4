package org.reblur.core.manifest

import kotlinx.serialization.Serializable
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.refocusing.mirrored
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.sqrt

/** An input of a graph and the answer that is expected of it. */
@Serializable
data class GoldenCase(
    val graph: String,
    val case: String,
    val heightPx: Int,
    val widthPx: Int,
    val inputs: List<GoldenTensor>,
    val outputs: List<GoldenTensor>,
    val tolerances: Map<String, List<Tolerance>>,
)

/** A raw file of numbers, little endian, of shape (1, C, h, w). */
@Serializable
data class GoldenTensor(
    val name: String,
    val path: String,
    val dtype: String,
    val divisor: Float = 1f,
    val stridePx: Int = 1,
    val shape: List<Int>,
    val sha256: String,
)

/** The largest statistic of absolute errors that is right. */
@Serializable
data class Tolerance(
    val statistic: String,
    val atMost: Double,
)

/** The whole way from a photograph to a refocused picture, step by step. */
@Serializable
data class GoldenChain(
    val photo: GoldenTensor,
    val focusXy: List<Float>,
    val fNumber: Float,
    val sigmaPx: GoldenTensor,
    val defocusPx: GoldenTensor,
    val targetSigmaPx: GoldenTensor,
    val refocused: GoldenTensor,
    val mapTolerancePx: Double,
    val tolerances: Map<String, List<Tolerance>>,
)

/** A golden tensor's numbers. */
fun ModelFiles.read(tensor: GoldenTensor): Planes {
    val bytes = content(FileRecord(tensor.path, tensor.byteCount, tensor.sha256))
    val (_, channels, height, width) = tensor.shape
    val buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    val values =
        FloatArray(channels * height * width) {
            when (tensor.dtype) {
                "uint8" -> (bytes[it].toInt() and 0xFF) / tensor.divisor
                "int8" -> bytes[it] / tensor.divisor
                "float32" -> buffer.getFloat(4 * it)
                else -> throw ReblurException("${tensor.path} has numbers of type ${tensor.dtype}: update the app.")
            }
        }
    return Planes(channels, height, width, values)
}

/** A golden input at a graph's size: mirrored at its right and lower side again and again. */
fun ModelFiles.input(
    tensor: GoldenTensor,
    heightPx: Int,
    widthPx: Int,
): Planes =
    read(tensor).let { tile ->
        tile.extended(heightPx, widthPx, { mirrored(it, tile.height) }, { mirrored(it, tile.width) })
    }

/** Absolute errors of an answer at the pixels that the expected numbers have; NaN stays NaN. */
fun errorsOf(
    answer: Planes,
    expected: Planes,
    stridePx: Int,
): DoubleArray {
    val rows = (answer.height + stridePx - 1) / stridePx
    val columns = (answer.width + stridePx - 1) / stridePx
    if (rows != expected.height || columns != expected.width || answer.channels != expected.channels) {
        throw ReblurException(
            "The answer should have ${expected.channels}x${expected.height}x${expected.width} sampled pixels, " +
                "got ${answer.channels}x${rows}x$columns.",
        )
    }
    return DoubleArray(expected.values.size) {
        val channel = it / expected.area
        val row = it % expected.area / columns
        abs(answer[channel, row * stridePx, it % columns * stridePx].toDouble() - expected.values[it])
    }
}

/** A statistic of errors by the manifest's name for it. */
fun statistic(
    name: String,
    errors: DoubleArray,
): Double =
    when (name) {
        "rms" -> sqrt(errors.sumOf { it * it } / errors.size)
        "mean" -> errors.sum() / errors.size
        "p99" -> if (errors.any { it.isNaN() }) Double.NaN else errors.sorted()[ceil(0.99 * errors.size).toInt() - 1]
        else -> throw ReblurException("The manifest judges by $name, which this app does not know: update the app.")
    }

private val GoldenTensor.byteCount: Long
    get() = shape.fold(if (dtype == "float32") 4L else 1L) { product, size -> product * size }
