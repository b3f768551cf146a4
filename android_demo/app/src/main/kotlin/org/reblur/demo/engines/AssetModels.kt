package org.reblur.demo.engines

import android.content.Context
import android.content.res.AssetManager
import org.reblur.core.ReblurException
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.ChoiceStore
import org.reblur.core.manifest.ModelFiles
import java.io.File
import java.io.IOException

/** The models that came in the APK, as files, which is what interpreters open; copied out once. */
class AssetModels(
    private val context: Context,
) {
    /** Copy what is not there yet; digests are checked when a file is opened. */
    fun files(): ModelFiles {
        val folder = File(context.filesDir, FOLDER)
        val marker = File(folder, ".installed")
        val installed = context.packageManager
            .getPackageInfo(context.packageName, 0)
            .lastUpdateTime
            .toString()
        try {
            if (!marker.exists() || marker.readText() != installed) {
                folder.deleteRecursively()
                copy(context.assets, FOLDER, folder)
                marker.writeText(installed)
            }
        } catch (error: IOException) {
            throw ReblurException(
                "The models cannot be unpacked (${error.message}): free some space, or build the app with an export.", error,
            )
        }
        return ModelFiles(folder)
    }

    private fun copy(
        assets: AssetManager,
        from: String,
        to: File,
    ) {
        val children = assets.list(from).orEmpty()
        if (children.isEmpty()) {
            to.parentFile?.mkdirs()
            assets.open(from).use { input -> to.outputStream().use { input.copyTo(it) } }
        } else {
            children.forEach { copy(assets, "$from/$it", File(to, it)) }
        }
    }

    private companion object {
        const val FOLDER = "models"
    }
}

/** Remembers in the app's preferences which accelerator a file works on. */
class PreferencesChoiceStore(
    context: Context,
) : ChoiceStore {
    private val preferences = context.getSharedPreferences("accelerators", Context.MODE_PRIVATE)

    override fun load(sha256: String): Accelerator? =
        preferences.getString(sha256, null)?.let { name -> Accelerator.entries.firstOrNull { it.name == name } }

    override fun save(
        sha256: String,
        accelerator: Accelerator,
    ) = preferences.edit().putString(sha256, accelerator.name).apply()
}
