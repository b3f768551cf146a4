package org.reblur.demo

import org.reblur.core.benchmark.Row
import org.reblur.core.engines.EngineStatus
import org.reblur.core.engines.SelfTestReport
import org.reblur.core.refocusing.Focus

/** A picture as a screen takes it: opaque pixels 0xAARRGGBB, row by row. Replaced, never changed in place. */
class Raster(
    val width: Int,
    val height: Int,
    val pixels: IntArray,
)

enum class Screen {
    PHOTO,
    SELF_TEST,
    BENCHMARK,
}

/** What is being done, for the progress bar. */
sealed interface Work {
    data object OpeningModels : Work

    data object ReadingPhoto : Work

    data class Analysing(
        val done: Int,
        val total: Int,
    ) : Work

    data object Rendering : Work

    data class Saving(
        val share: Float,
    ) : Work
}

/** All that the screens show. */
data class UiState(
    val screen: Screen = Screen.PHOTO,
    val work: Work? = null,
    /** One sentence on what went wrong; null where nothing did. */
    val problem: String? = null,
    /** One sentence to know of: what was saved where, or at which size. */
    val note: String? = null,
    /** The photograph at its working size; null until one is there. */
    val original: Raster? = null,
    val refocused: Raster? = null,
    /** The defocus map in colours. */
    val map: Raster? = null,
    val focus: Focus = Focus(0.5f, 0.5f),
    val fNumber: Float = DEFAULT_F_NUMBER,
    val showsMap: Boolean = false,
    /** How the photograph carries its depth; null where blur is estimated. */
    val depth: String? = null,
    val engine: EngineStatus? = null,
    /** Where the result was saved. */
    val saved: String? = null,
    val selfTest: SelfTestReport? = null,
    val testing: Boolean = false,
    val rows: List<Row> = emptyList(),
    val measuring: Boolean = false,
    /** The file that the rows are written to. */
    val rowsFile: String? = null,
) {
    companion object {
        const val DEFAULT_F_NUMBER = 1.4f
        const val WIDEST_F_NUMBER = 0.7f
        const val NARROWEST_F_NUMBER = 16f
    }
}

/** What the screens ask for. */
interface UiActions {
    fun openPhoto(source: String)

    fun setFocus(focus: Focus)

    /** While a finger moves: the quick form is shown. */
    fun setAperture(fNumber: Float)

    /** The finger has left the slider: the full form is shown. */
    fun settleAperture()

    fun showMap(shows: Boolean)

    /** [target] is null for the gallery. */
    fun save(target: String?)

    fun show(screen: Screen)

    fun closePhoto()

    fun dismiss()

    fun runSelfTest()

    fun runBenchmark(quick: Boolean)

    fun stop()
}
