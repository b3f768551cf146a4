package org.reblur.demo.engines

import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.manifest.Artifact
import java.io.File

/** ExecuTorch's `Module`: .pte files, each made for one delegate, XNNPACK on the CPU or Vulkan on the GPU. */
class ExecuTorchEngine(
    override val delegate: String,
    override val runtimeVersion: String?,
) : Engine {
    override val backend = "executorch"
    override val runtime = "executorch-android"
    override val accelerators = listOf(if (delegate == VULKAN) Accelerator.GPU else Accelerator.CPU)

    override fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph {
        require(accelerator in accelerators) { "${artifact.id} was made for $delegate, not for the $accelerator." }
        return ExecuTorchGraph(artifact, Module.load(file.path, Module.LOAD_MODE_MMAP))
    }

    companion object {
        const val XNNPACK = "xnnpack"
        const val VULKAN = "vulkan"
    }
}

private class ExecuTorchGraph(
    private val artifact: Artifact,
    private val module: Module,
) : LoadedGraph {
    override fun run(inputs: Map<String, FloatArray>): Map<String, FloatArray> {
        val given =
            artifact.inputs.map { tensor ->
                val shape = tensor.shape.map { it.toLong() }.toLongArray()
                EValue.from(Tensor.fromBlob(inputs.getValue(tensor.name), shape))
            }
        val answers = module.forward(*given.toTypedArray())
        return artifact.outputs.zip(answers.toList()).associate { (tensor, answer) ->
            tensor.name to answer.toTensor().getDataAsFloatArray()
        }
    }

    override fun close() = module.close()
}
