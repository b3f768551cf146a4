package org.reblur.demo.engines

import com.google.ai.edge.litert.CompiledModel
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.manifest.Artifact
import java.io.File
import com.google.ai.edge.litert.Accelerator as LiteRtAccelerator

/** LiteRT's `CompiledModel`: .tflite files on the NPU, the GPU or the CPU. */
class LiteRtEngine(
    override val runtimeVersion: String?,
) : Engine {
    override val backend = "tflite"
    override val runtime = "com.google.ai.edge.litert"
    override val accelerators = listOf(Accelerator.NPU, Accelerator.GPU, Accelerator.CPU)

    override fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph {
        val wanted =
            when (accelerator) {
                Accelerator.NPU -> LiteRtAccelerator.NPU
                Accelerator.GPU -> LiteRtAccelerator.GPU
                Accelerator.CPU -> LiteRtAccelerator.CPU
            }
        return LiteRtGraph(artifact, CompiledModel.create(file.path, CompiledModel.Options(wanted)))
    }
}

/** Its Kotlin interface does not tell how many nodes a delegate took, so `placement` stays unknown. */
private class LiteRtGraph(
    artifact: Artifact,
    private val model: CompiledModel,
) : LoadedGraph {
    private val inputs = artifact.inputs.associate { it.name to model.createInputBuffer(it.name) }
    private val outputs = artifact.outputs.associate { it.name to model.createOutputBuffer(it.name) }

    override fun run(inputs: Map<String, FloatArray>): Map<String, FloatArray> {
        for ((name, values) in inputs) this.inputs.getValue(name).writeFloat(values)
        model.run(this.inputs, outputs)
        return outputs.mapValues { it.value.readFloat() }
    }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        model.close()
    }
}
