package org.reblur.demo

import androidx.lifecycle.SavedStateHandle
import androidx.lifecycle.ViewModel
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withContext
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.engines.rethrowIfCancelled
import org.reblur.core.engines.sentence
import org.reblur.core.photos.inColours
import org.reblur.core.photos.toArgb
import org.reblur.core.refocusing.Analysis
import org.reblur.core.refocusing.Focus

/**
 * Turns taps into pictures. It never sees a Context, so a plain JVM can test it.
 *
 * All work is done on one thread, in order; asking for something new cancels what is not wanted any more.
 */
class DemoViewModel(
    private val services: Services,
    private val saved: SavedStateHandle,
    private val worker: CoroutineDispatcher = Dispatchers.Default.limitedParallelism(1),
) : ViewModel(),
    UiActions {
    private val mutableState = MutableStateFlow(restored())
    val state: StateFlow<UiState> = mutableState.asStateFlow()

    private val models = ModelHolder(services)
    private val checks = DeviceChecks(services, mutableState)
    private var analysis: Analysis? = null
    private var opening: Job? = null
    private var rendering: Job? = null
    private var checking: Job? = null

    init {
        saved.get<String>(PHOTO)?.let(::analyse)
    }

    override fun openPhoto(source: String) {
        startPhoto {
            mutableState.update { UiState(fNumber = it.fNumber, engine = it.engine, work = Work.ReadingPhoto) }
            val path = onWorker { services.photos.import(source) }
            saved[PHOTO] = path
            remember(Focus(CENTRE, CENTRE), mutableState.value.fNumber)
            open(path)
        }
    }

    private fun analyse(path: String) = startPhoto { open(path) }

    private fun startPhoto(work: suspend CoroutineScope.() -> Unit) {
        rendering?.cancel()
        opening?.cancel()
        opening = launchTelling(work)
    }

    private suspend fun CoroutineScope.open(path: String) {
        mutableState.update { it.copy(work = Work.OpeningModels, screen = Screen.PHOTO) }
        val found =
            onWorker {
                val open = models.open { ensureActive() }
                mutableState.update { it.copy(engine = open.status, work = Work.ReadingPhoto) }
                services.photos.open(path).use { photo ->
                    mutableState.update { it.copy(note = photo.note, depth = photo.depth?.kind) }
                    open.pipeline.analyse(photo.pixels, photo.depth?.disparity, { ensureActive() }) { done, total ->
                        mutableState.update { it.copy(work = Work.Analysing(done, total)) }
                    }
                }
            }
        analysis = found
        val largest = if (found.confidence == null) found.defocusPx.values.max() else models.sigmaMaxPx()
        val (original, map) = onWorker { found.picture.raster() to found.defocusPx.inColours(largest).raster() }
        mutableState.update { it.copy(original = original, map = map, work = Work.Rendering) }
        render(settled = true)
    }

    override fun setFocus(focus: Focus) {
        remember(focus, mutableState.value.fNumber)
        mutableState.update { it.copy(focus = focus, saved = null, note = null) }
        render(settled = true)
    }

    override fun setAperture(fNumber: Float) {
        remember(mutableState.value.focus, fNumber)
        mutableState.update { it.copy(fNumber = fNumber, saved = null, note = null) }
        render(settled = false)
    }

    override fun settleAperture() = render(settled = true)

    /** Only the newest request matters: an older one is cancelled, so that a dragged slider cannot queue up work. */
    private fun render(settled: Boolean) {
        val known = analysis ?: return
        rendering?.cancel()
        rendering =
            launchTelling {
                mutableState.update { it.copy(work = Work.Rendering) }
                val focus = mutableState.value.focus
                val fNumber = mutableState.value.fNumber
                val picture =
                    onWorker {
                        ensureActive()
                        val open = models.open { ensureActive() }
                        val pipeline = open.pipeline
                        val result =
                            if (settled) pipeline.refocus(known, focus, fNumber) else pipeline.refocus(open.quick, known, focus, fNumber)
                        result.raster()
                    }
                mutableState.update { it.copy(refocused = picture, work = null) }
            }
    }

    override fun save(target: String?) {
        val known = analysis ?: return
        val path = saved.get<String>(PHOTO) ?: return
        rendering?.cancel()
        rendering =
            launchTelling {
                mutableState.update { it.copy(work = Work.Saving(0f)) }
                val focus = mutableState.value.focus
                val fNumber = mutableState.value.fNumber
                val (uri, note) =
                    onWorker {
                        val pipeline = models.open { ensureActive() }.pipeline
                        services.photos.open(path).use { photo ->
                            val rows = photo.pixels.height.toFloat()
                            services.photos.save(path, photo, target) { onPart ->
                                pipeline.refocusPhoto(photo.pixels, known, focus, fNumber, { ensureActive() }) { part, picture ->
                                    onPart(part, picture)
                                    mutableState.update { it.copy(work = Work.Saving(part.bottom / rows)) }
                                }
                            } to (photo.note ?: "Saved with ${photo.pixels.width} × ${photo.pixels.height} pixels.")
                        }
                    }
                mutableState.update { it.copy(work = null, saved = uri, note = note) }
            }
    }

    override fun showMap(shows: Boolean) = mutableState.update { it.copy(showsMap = shows) }

    override fun show(screen: Screen) = mutableState.update { it.copy(screen = screen) }

    override fun dismiss() = mutableState.update { it.copy(problem = null) }

    override fun closePhoto() {
        opening?.cancel()
        rendering?.cancel()
        analysis = null
        saved.remove<String>(PHOTO)
        mutableState.update { UiState(fNumber = it.fNumber, engine = it.engine) }
    }

    override fun runSelfTest() = check { checks.selfTest() }

    override fun runBenchmark(quick: Boolean) = runBenchmark(BenchmarkRequest(quick = quick))

    /** As asked for from outside, see `BenchmarkRequest`. */
    fun runBenchmark(request: BenchmarkRequest) {
        show(Screen.BENCHMARK)
        check { checks.benchmark(request) }
    }

    override fun stop() {
        checking?.cancel()
    }

    /** Measuring has the machine to itself: models that are open for pictures are let go first. */
    private fun check(work: () -> Unit) {
        checking?.cancel()
        rendering?.cancel()
        checking =
            launchTelling {
                try {
                    onWorker { models.close() }
                    withContext(worker) { runInterruptible { work() } }
                } finally {
                    mutableState.update { it.copy(testing = false, measuring = false) }
                }
            }
    }

    /** Memory is short and the app is not seen: models can be opened again later. */
    fun trimMemory() {
        if (mutableState.value.work == null) CoroutineScope(worker).launch { models.close() }
    }

    override fun onCleared() {
        CoroutineScope(worker).launch { models.close() }
    }

    private suspend fun <T> onWorker(work: () -> T): T = withContext(worker) { work() }

    /** Whatever goes wrong is one sentence on the screen. */
    private fun launchTelling(work: suspend CoroutineScope.() -> Unit): Job =
        viewModelScope.launch {
            val problem =
                try {
                    work()
                    return@launch
                } catch (error: ReblurException) {
                    error.sentence()
                } catch (error: OutOfMemoryError) {
                    "There is too little memory for this: close other apps and try again. (${error.sentence()})"
                } catch (error: Exception) {
                    error.rethrowIfCancelled()
                    "Something went wrong (${error.sentence()}): try again, or run the self-test."
                } catch (error: LinkageError) {
                    "Part of the app is missing (${error.sentence()}): install it again."
                }
            ensureActive()
            mutableState.update { it.copy(problem = problem, work = null) }
        }

    private fun remember(
        focus: Focus,
        fNumber: Float,
    ) {
        saved[FOCUS] = floatArrayOf(focus.x, focus.y)
        saved[APERTURE] = fNumber
    }

    private fun restored(): UiState {
        val focus = saved.get<FloatArray>(FOCUS)?.let { Focus(it[0], it[1]) } ?: Focus(CENTRE, CENTRE)
        return UiState(focus = focus, fNumber = saved.get<Float>(APERTURE) ?: UiState.DEFAULT_F_NUMBER)
    }

    private companion object {
        const val PHOTO = "photo"
        const val FOCUS = "focus"
        const val APERTURE = "aperture"
        const val CENTRE = 0.5f
    }
}

private fun Planes.raster() = Raster(width, height, toArgb())
