package org.reblur.demo

import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.onAllNodesWithText
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.reblur.core.engines.Engine
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.testing.artifactsFolder
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File

/** Whatever is broken is one sentence on the screen. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], application = TestApplication::class, qualifiers = "w411dp-h891dp-420dpi")
class FaultsTest : AppHarness() {
    private fun problemWith(
        engines: List<Engine>? = null,
        files: File? = null,
        photo: File = photo(),
        name: String? = null,
    ): String {
        TestApplication.enginesOverride = engines
        TestApplication.filesOverride = files
        startWith(photo)
        compose.waitUntil(240_000) { compose.onAllNodesWithText("That did not work").fetchSemanticsNodes().isNotEmpty() }
        if (name != null) screen(name, compared = false)
        val text = compose.onAllNodes(hasText(".", substring = true)).fetchSemanticsNodes()
        return text.map { it.config[SemanticsProperties.Text].joinToString() }.first { it.endsWith(".") || it.endsWith(")") }
    }

    @Test
    fun aBrokenFileIsOneSentence() {
        val broken = File.createTempFile("broken", ".jpg").apply { writeText("no picture") }
        assertEquals(
            "This file is no photograph that Android can read, or it is damaged: choose another one.",
            problemWith(photo = broken, name = "error"),
        )
    }

    /** A copy of the export, small enough to damage. */
    private fun copied(change: (File) -> Unit): File {
        val source = checkNotNull(artifactsFolder())
        val copy = java.nio.file.Files
            .createTempDirectory("models")
            .toFile()
        source
            .listFiles()
            .orEmpty()
            .filter { it.name.endsWith(".tflite") || it.name == ModelFiles.MANIFEST }
            .forEach { it.copyTo(File(copy, it.name)) }
        File(source, "golden").copyRecursively(File(copy, "golden"))
        change(copy)
        return copy
    }

    @Test
    fun aDamagedModelIsOneSentence() {
        val said =
            problemWith(files = copied { folder -> File(folder, "deblur_fp32.tflite").let { it.writeBytes(it.readBytes().copyOf(1000)) } })
        assertTrue(said, said.startsWith("deblur_fp32.tflite is damaged, it has 1000 of "))
    }

    @Test
    fun aWrongDigestIsOneSentence() {
        val folder = copied { folder ->
            File(folder, "deblur_fp32.tflite").let { file -> file.writeBytes(file.readBytes().also { it[999]++ }) }
        }
        assertEquals(
            "deblur_fp32.tflite is not the file that the manifest describes: install the app again.",
            problemWith(files = folder),
        )
    }

    @Test
    fun aLaterManifestIsOneSentence() {
        val folder =
            copied { folder ->
                File(folder, ModelFiles.MANIFEST).let {
                    it
                        .writeText(it.readText().replaceFirst(Regex("\"schema_version\": *5"), "\"schema_version\": 6"))
                }
            }
        assertEquals("The models' manifest is of version 6, this app reads version 5: update the app.", problemWith(files = folder))
    }

    @Test
    fun anEngineThatThrowsIsOneSentence() {
        val said = problemWith(listOf(BrokenEngine { _, _ -> error("the driver gave up") }))
        assertTrue(said, said.contains("runs on nothing here. CPU: the driver gave up"))
    }

    @Test
    fun anEngineThatReturnsNaNIsOneSentence() {
        val said = problemWith(listOf(BrokenEngine { _, answer -> FloatArray(answer.size) { Float.NaN } }))
        assertTrue(said, said.contains("gave values that are no numbers"))
    }

    @Test
    fun anEngineThatReturnsTheInputIsOneSentence() {
        val said =
            problemWith(
                listOf(BrokenEngine { inputs, answer -> inputs.values.first().let { if (it.size == answer.size) it else answer } }),
                name = "error-engine",
            )
        assertTrue(said, said.contains("its answer is the input, unchanged"))
    }
}
