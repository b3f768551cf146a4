package org.reblur.demo

import org.reblur.core.benchmark.DeviceProbe
import org.reblur.core.engines.ChoiceStore
import org.reblur.core.engines.Engine
import org.reblur.core.manifest.ModelFiles
import org.reblur.demo.photos.Photos
import java.io.File

/** What the app gets from outside: real on a phone, hand-written in tests. */
class Services(
    val photos: Photos,
    /** The models' folder; copies them there where needed. */
    val files: () -> ModelFiles,
    /** In the order in which they are tried. */
    val engines: List<Engine>,
    val choices: ChoiceStore,
    val probe: () -> DeviceProbe,
    /** Where benchmark rows go. */
    val rowsFolder: File,
)
