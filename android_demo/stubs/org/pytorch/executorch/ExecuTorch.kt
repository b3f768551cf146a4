/*
 * SIGNATURE STUBS, not ExecuTorch: its AAR is published where Gradle finds it, and not where the build without Gradle looks.
 *
 * ExecuTorchEngine.kt is type-checked against them. They never enter an APK. Every body throws. Signatures follow the
 * published API, only what the app calls is here.
 */
package org.pytorch.executorch

private fun stub(): Nothing = throw UnsupportedOperationException("this build has a stub in place of ExecuTorch")

class Tensor private constructor() {
    fun getDataAsFloatArray(): FloatArray = stub()

    companion object {
        @JvmStatic
        fun fromBlob(
            data: FloatArray,
            shape: LongArray,
        ): Tensor = stub()
    }
}

class EValue private constructor() {
    fun toTensor(): Tensor = stub()

    companion object {
        @JvmStatic
        fun from(tensor: Tensor): EValue = stub()
    }
}

class Module private constructor() : AutoCloseable {
    fun forward(vararg inputs: EValue): Array<EValue> = stub()

    override fun close(): Unit = stub()

    companion object {
        const val LOAD_MODE_MMAP = 1

        @JvmStatic
        fun load(
            modelPath: String,
            loadMode: Int,
        ): Module = stub()
    }
}
