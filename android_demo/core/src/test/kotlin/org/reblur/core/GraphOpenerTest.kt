package org.reblur.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.ChoiceStore
import org.reblur.core.engines.Engine
import org.reblur.core.engines.GraphOpener
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.engines.NoAcceleratorException
import org.reblur.core.manifest.Artifact
import org.reblur.core.testing.DesktopEngine
import java.io.File

/** A phone's engine made of the desktop's: what its NPU and GPU answer is up to the test. */
private class FakePhone(
    private val npu: (FloatArray) -> FloatArray = { error("no NPU here") },
    private val gpu: (FloatArray) -> FloatArray,
) : Engine {
    val opened = mutableListOf<Accelerator>()
    private val inner = DesktopEngine(2)
    override val backend = "tflite"
    override val runtime = "a fake"
    override val runtimeVersion = null
    override val accelerators = listOf(Accelerator.NPU, Accelerator.GPU, Accelerator.CPU)

    override fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph {
        opened += accelerator
        val graph = inner.open(artifact, file, Accelerator.CPU)
        val change =
            when (accelerator) {
                Accelerator.NPU -> npu
                Accelerator.GPU -> gpu
                Accelerator.CPU -> { answer -> answer }
            }
        return object : LoadedGraph {
            override fun run(inputs: Map<String, FloatArray>) = graph.run(inputs).mapValues { change(it.value) }

            override fun close() = graph.close()
        }
    }
}

private class Choices : ChoiceStore {
    val kept = mutableMapOf<String, Accelerator>()

    override fun load(sha256: String) = kept[sha256]

    override fun save(
        sha256: String,
        accelerator: Accelerator,
    ) {
        kept[sha256] = accelerator
    }
}

class GraphOpenerTest {
    private val files = export()
    private val artifact = files.manifest.artifact("defocus-tflite-fp32")
    private val choices = Choices()

    private fun open(phone: FakePhone) = GraphOpener(files, phone, choices).open(artifact)

    private fun slightlyOff(answer: FloatArray) = FloatArray(answer.size) { answer[it] + 1e-3f }

    @Test
    fun aGpuThatAnswersNearlyTheSameIsTaken() {
        open(FakePhone(gpu = ::slightlyOff)).use {
            assertEquals(Accelerator.NPU to Accelerator.GPU, it.asked to it.got)
            assertEquals(listOf("NPU: no NPU here."), it.refusals)
        }
    }

    @Test
    fun theChoiceIsRemembered() {
        open(FakePhone(gpu = ::slightlyOff)).close()
        val phone = FakePhone(npu = { error("tried again") }, gpu = ::slightlyOff)
        open(phone).use { assertEquals(Accelerator.GPU, it.got) }
        assertEquals("neither the NPU nor the CPU is opened again", listOf(Accelerator.GPU), phone.opened)
    }

    @Test
    fun aGpuOutOfToleranceIsGivenUp() = assertFallsBack("error is", FakePhone { answer -> FloatArray(answer.size) { answer[it] + 1f } })

    @Test
    fun aGpuThatGivesNaNIsGivenUp() = assertFallsBack("no numbers", FakePhone { answer -> answer.copyOf().also { it[7] = Float.NaN } })

    @Test
    fun aGpuThatIsTheCpuIsGivenUp() = assertFallsBack("bit for bit", FakePhone { it })

    @Test
    fun aGpuThatThrowsIsGivenUp() = assertFallsBack("out of memory", FakePhone { error("out of memory") })

    private fun assertFallsBack(
        reason: String,
        phone: FakePhone,
    ) = open(phone).use {
        assertEquals(Accelerator.CPU, it.got)
        assertTrue(it.refusals.toString(), it.refusals.last().let { said -> said.startsWith("GPU: ") && reason in said })
        assertEquals(Accelerator.CPU, choices.kept[artifact.files.single().sha256])
    }

    @Test
    fun withoutAnyAcceleratorThereIsOneSentence() {
        val broken =
            object : Engine by DesktopEngine() {
                override fun open(
                    artifact: Artifact,
                    file: File,
                    accelerator: Accelerator,
                ): LoadedGraph = throw UnsatisfiedLinkError("libLiteRt.so")
            }
        val said = assertThrows(NoAcceleratorException::class.java) { GraphOpener(files, broken, choices).open(artifact) }.message
        assertEquals(
            "defocus-tflite-fp32 runs on nothing here. CPU: TensorFlow Lite on the desktop is not in this build (libLiteRt.so).",
            said,
        )
    }
}
