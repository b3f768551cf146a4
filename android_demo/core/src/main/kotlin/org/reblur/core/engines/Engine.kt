package org.reblur.core.engines

import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.Manifest
import org.reblur.core.manifest.Tensor
import org.reblur.core.refocusing.GraphRunner
import java.io.File

/** What a graph may run on, the fastest first. */
enum class Accelerator {
    NPU,
    GPU,
    CPU,
}

/** How much of a graph an accelerator took, where the runtime says. */
data class Placement(
    val nodesDelegated: Int,
    val nodesTotal: Int,
    val partitions: Int,
)

/** A runtime that opens model files: one implementation each. */
interface Engine {
    /** Of the manifest: "tflite" or "executorch". */
    val backend: String

    /** Of the manifest's pipelines: what the file was made for; "" where that is chosen when it is opened. */
    val delegate: String get() = ""

    /** Package that does the work, and its version where it says. */
    val runtime: String
    val runtimeVersion: String?

    /** What it may be asked for on this device, the fastest first. */
    val accelerators: List<Accelerator>

    /** Open a file that was found to be the right one. Throws where the accelerator does not take it. */
    fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph
}

/** A model file, loaded. Not for several threads at once. */
interface LoadedGraph : AutoCloseable {
    val placement: Placement? get() = null

    /** Numbers by tensor name, each in the layout that the manifest says the file has. */
    fun run(inputs: Map<String, FloatArray>): Map<String, FloatArray>
}

/** Runs a loaded graph on planes: brings them into the file's layout and back, and clips the answer to its range. */
class ArtifactRunner(
    private val manifest: Manifest,
    private val artifact: Artifact,
    private val graph: LoadedGraph,
) : GraphRunner {
    override fun run(inputs: Map<String, Planes>): Planes {
        val given =
            artifact.inputs.associate { tensor ->
                val planes = inputs[tensor.name] ?: throw ReblurException("${artifact.id} wants ${tensor.name}.")
                tensor.name to planes.inLayout(tensor)
            }
        val output = artifact.outputs.single()
        val answer =
            graph.run(given)[output.name]
                ?: throw ReblurException("${artifact.id} gives no ${output.name}: it is not the file that the manifest describes.")
        val planes = answer.toPlanes(output, artifact.id)
        if (planes.values.any { !it.isFinite() }) {
            throw NotANumberException("${artifact.id} gave values that are no numbers.")
        }
        val (low, high) = manifest.outputRange(artifact.graph)
        return planes.clipped(low, high)
    }
}

/** A file that is right runs on nothing here. */
class NoAcceleratorException(
    message: String,
) : ReblurException(message)

/** A graph's answer holds NaN or infinity. */
class NotANumberException(
    message: String,
) : Exception(message)

private fun Planes.inLayout(tensor: Tensor): FloatArray {
    val wanted = listOf(tensor.size('C'), tensor.size('H'), tensor.size('W'))
    if (wanted != listOf(channels, height, width)) {
        throw ReblurException("${tensor.name} must have $wanted values, got ${channels}x${height}x$width.")
    }
    if (tensor.dtype != "float32") throw ReblurException("${tensor.name} is of type ${tensor.dtype}: update the app.")
    if (tensor.layout == "NCHW" || channels == 1) return values
    val result = FloatArray(values.size)
    for (channel in 0 until channels) {
        for (at in 0 until area) result[at * channels + channel] = values[channel * area + at]
    }
    return result
}

private fun FloatArray.toPlanes(
    tensor: Tensor,
    id: String,
): Planes {
    val result = Planes(tensor.size('C'), tensor.size('H'), tensor.size('W'))
    if (size != result.values.size) {
        throw ReblurException("$id gives $size values, the manifest says ${result.values.size}: install the app again.")
    }
    if (tensor.layout == "NCHW" || result.channels == 1) {
        copyInto(result.values)
    } else {
        for (channel in 0 until result.channels) {
            for (at in 0 until result.area) result.values[channel * result.area + at] = this[at * result.channels + channel]
        }
    }
    return result
}
