package org.reblur.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.reblur.core.manifest.Manifest
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.sha256
import java.io.File

class ManifestTest {
    @get:Rule val folder = TemporaryFolder()

    private fun sentence(work: () -> Unit): String = checkNotNull(assertThrows(ReblurException::class.java, work).message)

    @Test
    fun aLaterVersionIsToldInOneSentence() =
        assertEquals(
            "The models' manifest is of version 6, this app reads version 5: update the app.",
            sentence { Manifest.parse("""{"schema_version": 6}""") },
        )

    @Test
    fun damageIsToldInOneSentence() {
        for (text in listOf("", "{", "[]", "{\"schema_version\": 5}", "{\"schema_version\": 5, \"graphs\": 3}")) {
            val said = sentence { Manifest.parse(text) }
            assertTrue(said, said.endsWith("."))
        }
    }

    @Test
    fun whatALaterMinorVersionAddsIsPassedOver() {
        val text = File(export().folder, ModelFiles.MANIFEST).readText()
        val newer = text.replaceFirst("{", "{\"news\": {\"a\": [1]},").replaceFirst("\"graph\":", "\"more\": 1, \"graph\":")
        assertEquals(Manifest.parse(text), Manifest.parse(newer))
    }

    @Test
    fun aDamagedModelIsRefusedBeforeAnythingOpensIt() {
        val source = export()
        val artifact = source.manifest.artifacts.first { it.format == "tflite" }
        val files = ModelFiles(folder.root)
        File(source.folder, ModelFiles.MANIFEST).copyTo(File(folder.root, ModelFiles.MANIFEST))
        assertEquals("${artifact.path} is missing among the models: install the app again.", sentence { files.checked(artifact) })
        val bytes = File(source.folder, artifact.path).readBytes()
        val target = File(folder.root, artifact.path)
        target.writeBytes(bytes.copyOf(bytes.size / 2))
        assertTrue(sentence { files.checked(artifact) }.contains("is damaged, it has ${bytes.size / 2} of ${bytes.size} bytes"))
        target.writeBytes(bytes.also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() })
        assertEquals(
            "${artifact.path} is not the file that the manifest describes: install the app again.",
            sentence { files.checked(artifact) },
        )
    }

    @Test
    fun digestsAreThoseOfEverybody() =
        assertEquals("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256("abc".toByteArray()))
}
