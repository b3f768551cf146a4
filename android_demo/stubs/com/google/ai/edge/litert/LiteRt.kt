/*
 * SIGNATURE STUBS, not LiteRT: its AAR is published where Gradle finds it, and not where the build without Gradle looks.
 *
 * LiteRtEngine.kt is type-checked against them. They never enter an APK. Every body throws. Signatures follow LiteRT's
 * published Kotlin API, only what the app calls is here.
 */
package com.google.ai.edge.litert

private fun stub(): Nothing = throw UnsupportedOperationException("this build has a stub in place of LiteRT")

class LiteRtException(
    message: String,
) : Exception(message)

enum class Accelerator {
    NONE,
    CPU,
    GPU,
    NPU,
}

abstract class JniHandle internal constructor() : AutoCloseable {
    final override fun close(): Unit = stub()
}

class TensorBuffer internal constructor() : JniHandle() {
    fun writeFloat(data: FloatArray): Unit = stub()

    fun readFloat(): FloatArray = stub()
}

class CompiledModel private constructor() : JniHandle() {
    class Options(
        vararg accelerators: Accelerator,
    ) {
        init {
            require(accelerators.isNotEmpty())
        }
    }

    fun createInputBuffer(
        inputName: String,
        signature: String? = null,
    ): TensorBuffer = stub()

    fun createOutputBuffer(
        outputName: String,
        signature: String? = null,
    ): TensorBuffer = stub()

    fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String? = null,
    ): Unit = stub()

    companion object {
        fun create(
            filePath: String,
            options: Options,
        ): CompiledModel = stub()
    }
}
