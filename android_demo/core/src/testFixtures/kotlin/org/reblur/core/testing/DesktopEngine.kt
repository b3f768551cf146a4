package org.reblur.core.testing

import org.bytedeco.javacpp.FloatPointer
import org.bytedeco.javacpp.Pointer
import org.bytedeco.tensorflowlite.TfLiteInterpreter
import org.bytedeco.tensorflowlite.TfLiteModel
import org.bytedeco.tensorflowlite.TfLiteSignatureRunner
import org.bytedeco.tensorflowlite.TfLiteTensor
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterCreate
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterDelete
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterGetSignatureRunner
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterOptionsCreate
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterOptionsDelete
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterOptionsSetNumThreads
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteModelCreateFromFile
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteModelDelete
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteSignatureRunnerAllocateTensors
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteSignatureRunnerDelete
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteSignatureRunnerGetInputTensor
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteSignatureRunnerGetOutputTensor
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteSignatureRunnerInvoke
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorByteSize
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorCopyFromBuffer
import org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorCopyToBuffer
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.manifest.Artifact
import java.io.File

/** The desktop's engine: TensorFlow Lite's C library running the very files that the app ships. */
class DesktopEngine(
    private val threads: Int = 1,
) : Engine {
    override val backend = "tflite"
    override val runtime = "TensorFlow Lite on the desktop"
    override val runtimeVersion = "2.18.0"
    override val accelerators = listOf(Accelerator.CPU)

    override fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph {
        require(accelerator == Accelerator.CPU) { "a desktop has no $accelerator" }
        return DesktopGraph(artifact, file, threads)
    }
}

private class DesktopGraph(
    private val artifact: Artifact,
    file: File,
    threads: Int,
) : LoadedGraph {
    private val model: TfLiteModel = requireNotNull(TfLiteModelCreateFromFile(file.path)) { "${file.name} is no .tflite" }
    private val interpreter: TfLiteInterpreter = create(model, threads)
    private val runner: TfLiteSignatureRunner = TfLiteInterpreterGetSignatureRunner(interpreter, "serving_default")

    init {
        checkStatus(TfLiteSignatureRunnerAllocateTensors(runner), "allocate")
    }

    override fun run(inputs: Map<String, FloatArray>): Map<String, FloatArray> {
        for ((name, values) in inputs) write(TfLiteSignatureRunnerGetInputTensor(runner, name), values)
        checkStatus(TfLiteSignatureRunnerInvoke(runner), "run")
        return artifact.outputs.associate { it.name to read(TfLiteSignatureRunnerGetOutputTensor(runner, it.name)) }
    }

    override fun close() {
        TfLiteSignatureRunnerDelete(runner)
        TfLiteInterpreterDelete(interpreter)
        TfLiteModelDelete(model)
    }

    private companion object {
        fun create(
            model: TfLiteModel,
            threads: Int,
        ): TfLiteInterpreter {
            val options = TfLiteInterpreterOptionsCreate()
            TfLiteInterpreterOptionsSetNumThreads(options, threads)
            return TfLiteInterpreterCreate(model, options).also { TfLiteInterpreterOptionsDelete(options) }
        }

        fun write(
            tensor: TfLiteTensor,
            values: FloatArray,
        ) {
            val bytes = values.size.toLong() * Float.SIZE_BYTES
            require(TfLiteTensorByteSize(tensor) == bytes) { "expected ${TfLiteTensorByteSize(tensor)} bytes, got $bytes" }
            FloatPointer(*values).use { checkStatus(TfLiteTensorCopyFromBuffer(tensor, it, bytes), "write") }
        }

        fun read(tensor: TfLiteTensor): FloatArray {
            val bytes = TfLiteTensorByteSize(tensor)
            val values = FloatArray((bytes / Float.SIZE_BYTES).toInt())
            FloatPointer(values.size.toLong()).use { pointer: FloatPointer ->
                checkStatus(TfLiteTensorCopyToBuffer(tensor, pointer as Pointer, bytes), "read")
                pointer.get(values)
            }
            return values
        }

        fun checkStatus(
            status: Int,
            what: String,
        ) = check(status == 0) { "TensorFlow Lite could not $what: status $status" }
    }
}
