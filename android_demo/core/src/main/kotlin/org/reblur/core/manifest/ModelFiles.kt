package org.reblur.core.manifest

import org.reblur.core.ReblurException
import java.io.File
import java.io.IOException
import java.security.MessageDigest

/** The folder with `manifest.json` and what it names. Nothing is handed out that is not the very file described. */
class ModelFiles(
    val folder: File,
) {
    val manifest: Manifest by lazy { Manifest.parse(text(MANIFEST)) }

    /** A model file for an interpreter to open, once its digest was found right. */
    fun checked(artifact: Artifact): File {
        artifact.files.forEach { content(it) }
        return File(folder, artifact.path)
    }

    /** A file's bytes, as many as described and with the digest described. */
    fun content(record: FileRecord): ByteArray {
        val bytes = bytes(record.path)
        if (bytes.size.toLong() != record.bytes) {
            throw ReblurException(
                "${record.path} is damaged, it has ${bytes.size} of ${record.bytes} bytes: install the app again.",
            )
        }
        if (sha256(bytes) != record.sha256) {
            throw ReblurException("${record.path} is not the file that the manifest describes: install the app again.")
        }
        return bytes
    }

    private fun text(path: String) = bytes(path).decodeToString()

    private fun bytes(path: String): ByteArray =
        try {
            File(folder, path).readBytes()
        } catch (error: IOException) {
            throw ReblurException("$path is missing among the models: install the app again.", error)
        }

    companion object {
        const val MANIFEST = "manifest.json"
    }
}

/** Digest of bytes, 64 hexadecimal digits. */
fun sha256(bytes: ByteArray): String = MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
