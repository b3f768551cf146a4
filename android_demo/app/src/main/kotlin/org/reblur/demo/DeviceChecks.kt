package org.reblur.demo

import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.update
import org.reblur.core.ReblurException
import org.reblur.core.benchmark.Benchmark
import org.reblur.core.benchmark.Candidate
import org.reblur.core.benchmark.Protocol
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.Check
import org.reblur.core.engines.Engine
import org.reblur.core.engines.SelfTest
import org.reblur.core.engines.SelfTestReport
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.refocusing.RefocusPipeline
import java.io.File
import java.io.IOException

/** What is measured: by hand, or by `adb shell am start … --es mode benchmark`. */
data class BenchmarkRequest(
    val runId: String? = null,
    val quick: Boolean = false,
    /** Of the manifest: "tflite", "executorch"; null for all. */
    val backend: String? = null,
    val accelerator: Accelerator? = null,
    /** A graph's name; null for all. */
    val graph: String? = null,
)

/** Self-test and benchmark over every engine, accelerator and file. Blocking; interrupting the thread stops them. */
class DeviceChecks(
    private val services: Services,
    private val state: MutableStateFlow<UiState>,
) {
    fun selfTest() {
        val files = services.files()
        val probe = services.probe()
        val test = SelfTest(files)
        var report =
            SelfTestReport(
                "${probe.device.name}, Android ${probe.device.osVersion}",
                "${probe.app.name} ${probe.app.version}",
                files.manifest.reblurVersion,
                emptyList(),
            )
        state.update { it.copy(selfTest = report, testing = true) }
        for ((engine, artifact, accelerator) in candidates(files, BenchmarkRequest())) {
            val found =
                try {
                    test.run(engine, artifact, accelerator) { probe.sleep(0) }
                } catch (error: LinkageError) {
                    listOf(missing(engine, artifact, accelerator, error))
                }
            report = report.copy(checks = report.checks + found)
            state.update { it.copy(selfTest = report) }
        }
    }

    private fun missing(
        engine: Engine,
        artifact: Artifact,
        accelerator: Accelerator,
        error: LinkageError,
    ) = Check(
        engine.backend, accelerator, artifact.id, "open", status = Check.Status.NOT_RUN,
        reason = "${engine.runtime} is not in this build (${error.javaClass.simpleName})",
    )

    fun benchmark(request: BenchmarkRequest) {
        val files = services.files()
        val probe = services.probe()
        val runId = request.runId ?: "phone-${probe.now().filter { it.isLetterOrDigit() }}"
        if (!runId.matches(RUN_ID)) {
            throw ReblurException("The run's id must be 4 to 64 letters, digits, dots or dashes, got $runId.")
        }
        val candidates = candidates(files, request)
        if (candidates.isEmpty()) throw ReblurException("Nothing fits this request: no such back end, accelerator or graph.")
        val target = File(services.rowsFolder, "$runId.jsonl")
        val done = rowsOf(target)
        state.update { it.copy(measuring = true, rows = emptyList(), rowsFile = target.path) }
        val protocol = if (request.quick) Protocol.QUICK else Protocol()
        val remaining = candidates.filter { candidate -> done.none { "\"${candidate.artifact.id}\"" in it && accelerated(it, candidate) } }
        Benchmark(files, probe, protocol, runId).run(remaining) { row ->
            target.appendText(row.toJson() + "\n")
            state.update { it.copy(rows = it.rows + row) }
        }
    }

    /** A stopped run goes on: what has its last row, of the sustained pass, is not measured again. */
    private fun accelerated(
        row: String,
        candidate: Candidate,
    ) = "\"pass\":\"sustained\"" in row &&
        "\"accelerator_requested\":\"${candidate.accelerator.name.lowercase()}\"" in row

    private fun rowsOf(file: File): List<String> =
        try {
            file.parentFile?.mkdirs()
            if (file.exists()) file.readLines() else emptyList()
        } catch (error: IOException) {
            throw ReblurException("The rows of an earlier run cannot be read (${error.message}).", error)
        }

    /** The CPU first, as control. */
    private fun candidates(
        files: ModelFiles,
        request: BenchmarkRequest,
    ): List<Candidate> =
        services.engines.filter { request.backend == null || it.backend == request.backend }.flatMap { engine ->
            files.manifest.artifacts
                .filter {
                    it.format == engine.backend && it.delegate == engine.delegate && it.status == "passed" && it.graph in GRAPHS &&
                        (request.graph == null || it.graph == request.graph)
                }.flatMap { artifact ->
                    engine.accelerators.reversed().filter { request.accelerator == null || it == request.accelerator }.map {
                        Candidate(engine, artifact, it)
                    }
                }
        }

    private companion object {
        val RUN_ID = Regex("[A-Za-z0-9][A-Za-z0-9._-]{3,63}")
        val GRAPHS =
            setOf(RefocusPipeline.DEFOCUS, RefocusPipeline.DEBLUR, RefocusPipeline.REFOCUS, RefocusPipeline.PREVIEW)
    }
}
