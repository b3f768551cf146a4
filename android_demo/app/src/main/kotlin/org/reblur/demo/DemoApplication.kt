package org.reblur.demo

import android.app.Application
import android.content.pm.ApplicationInfo
import org.reblur.demo.device.AndroidProbe
import org.reblur.demo.engines.AssetModels
import org.reblur.demo.engines.ExecuTorchEngine
import org.reblur.demo.engines.LiteRtEngine
import org.reblur.demo.engines.PreferencesChoiceStore
import org.reblur.demo.photos.AndroidPhotos
import java.io.File

/** Puts the app together. Tests run the same activity under an application that puts it together otherwise. */
open class DemoApplication : Application() {
    /** One for the whole process, so that there is one owner of the models. */
    val services: Services by lazy { createServices() }

    protected open fun createServices(): Services {
        val isDebug = applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0
        val version = packageManager.getPackageInfo(packageName, 0).versionName.orEmpty()
        val executorch = getString(R.string.executorch_version)
        return Services(
            photos = AndroidPhotos(this),
            files = AssetModels(this)::files,
            engines =
                listOf(
                    LiteRtEngine(getString(R.string.litert_version)),
                    ExecuTorchEngine(ExecuTorchEngine.VULKAN, executorch),
                    ExecuTorchEngine(ExecuTorchEngine.XNNPACK, executorch),
                ),
            choices = PreferencesChoiceStore(this),
            probe = { AndroidProbe(this, isDebug, version) },
            rowsFolder = File(getExternalFilesDir(null) ?: filesDir, "benchmark"),
        )
    }
}
