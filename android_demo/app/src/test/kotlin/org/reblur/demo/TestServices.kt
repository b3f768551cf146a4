package org.reblur.demo

import org.reblur.core.benchmark.AppRecord
import org.reblur.core.benchmark.Device
import org.reblur.core.benchmark.DeviceProbe
import org.reblur.core.benchmark.Thermal
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.ChoiceStore
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.testing.DesktopEngine
import org.reblur.core.testing.artifactsFolder
import org.reblur.demo.photos.AndroidPhotos
import java.io.File
import java.nio.file.Files

/** The real activity and photographs, with the desktop's engine in place of the phone's. */
class TestApplication : DemoApplication() {
    override fun createServices(): Services {
        val folder = checkNotNull(artifactsFolder()) { "no export: run `make export`" }
        return Services(
            photos = AndroidPhotos(this),
            files = { ModelFiles(filesOverride ?: folder) },
            engines = enginesOverride ?: listOf(DesktopEngine(2)),
            choices = if (enginesOverride == null) KNOWN else RememberedChoices(),
            probe = { StillDevice },
            rowsFolder = Files.createTempDirectory("rows").toFile(),
        )
    }

    companion object {
        /** Shared by all tests with sound engines, so that each need not find out again. */
        private val KNOWN = RememberedChoices()

        /** Set by a test before the activity starts. */
        var filesOverride: File? = null
        var enginesOverride: List<Engine>? = null
    }
}

class RememberedChoices : ChoiceStore {
    private val choices = mutableMapOf<String, Accelerator>()

    override fun load(sha256: String) = choices[sha256]

    override fun save(
        sha256: String,
        accelerator: Accelerator,
    ) {
        choices[sha256] = accelerator
    }
}

/** A device whose battery is cool. */
object StillDevice : DeviceProbe {
    override val device = Device("phone", "Example Phone", null, 8, 8000.0, "Android", "15 (TEST)")
    override val app = AppRecord("android_demo", "0.1.0", "debug")

    override fun thermal() = Thermal("none", 30.0, null)

    override fun batteryPercent() = 80.0

    override fun charging() = false

    override fun lowPower() = false

    override fun memoryMib() = Runtime.getRuntime().let { (it.totalMemory() - it.freeMemory()) / 1048576.0 }

    override fun now() = "2026-01-01T00:00:00.000Z"

    override fun sleep(ms: Long) = Unit
}

/** An engine whose answers are [change]d: what a broken driver does. */
class BrokenEngine(
    private val inner: Engine = DesktopEngine(2),
    private val change: (inputs: Map<String, FloatArray>, answer: FloatArray) -> FloatArray,
) : Engine by inner {
    override fun open(
        artifact: Artifact,
        file: File,
        accelerator: Accelerator,
    ): LoadedGraph {
        val graph = inner.open(artifact, file, accelerator)
        return object : LoadedGraph {
            override fun run(inputs: Map<String, FloatArray>) = graph.run(inputs).mapValues { change(inputs, it.value) }

            override fun close() = graph.close()
        }
    }
}
