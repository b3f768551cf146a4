package org.reblur.core.benchmark

import org.reblur.core.Planes
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.ArtifactRunner
import org.reblur.core.engines.Check
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.engines.SelfTest
import org.reblur.core.engines.rethrowIfCancelled
import org.reblur.core.engines.sentence
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.GoldenCase
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.input
import kotlin.math.max

/** One file on one accelerator. */
data class Candidate(
    val engine: Engine,
    val artifact: Artifact,
    val accelerator: Accelerator,
)

/**
 * Measures model files by `benchmarks/PROTOCOL.md`: from cold, after a wait at the temperature gate, parity first, then
 * timed runs, then memory and the sustained pass by themselves. Rows come out as they are done.
 */
class Benchmark(
    private val files: ModelFiles,
    private val probe: DeviceProbe,
    private val protocol: Protocol,
    private val runId: String,
) {
    private val selfTest = SelfTest(files)

    fun run(
        candidates: List<Candidate>,
        onRow: (Row) -> Unit,
    ) {
        for (candidate in candidates) {
            for (index in 1..protocol.repeats) onRow(latency(candidate, index))
            onRow(memory(candidate))
            onRow(sustained(candidate))
        }
    }

    private fun latency(
        candidate: Candidate,
        index: Int,
    ): Row =
        measured(candidate, "latency", index) { case, inputs ->
            val loads = List(protocol.coldLoads) { timed { candidate.open().close() } }
            candidate.open().use { graph ->
                val runner = ArtifactRunner(files.manifest, candidate.artifact, graph)
                repeat(protocol.warmUps) { runner.run(inputs) }
                val runs = List(protocol.runs) { timed { runner.run(inputs) } }
                val answer = runner.run(inputs)
                Outcome(
                    timing = Timing(loads, protocol.warmUps, runs, null, protocol.quick),
                    parity = parity(candidate, case, answer),
                    graph = graph,
                    used = usedBy(candidate, case, answer),
                )
            }
        }

    private fun memory(candidate: Candidate): Row =
        measured(candidate, "memory", 1, of = 1) { case, inputs ->
            val baseline = probe.memoryMib()
            val graph = candidate.open()
            val loaded = probe.memoryMib()
            var peak = loaded
            var answer: Planes
            graph.use {
                val runner = ArtifactRunner(files.manifest, candidate.artifact, it)
                answer = runner.run(inputs)
                repeat(protocol.memoryRuns) {
                    answer = runner.run(inputs)
                    peak = max(peak, probe.memoryMib())
                }
            }
            Outcome(
                memory = Memory("pss", baseline, loaded, peak, probe.memoryMib()),
                parity = parity(candidate, case, answer),
                graph = graph,
                used = usedBy(candidate, case, answer),
            )
        }

    private fun sustained(candidate: Candidate): Row =
        measured(candidate, "sustained", 1, of = 1) { case, inputs ->
            candidate.open().use { graph ->
                val runner = ArtifactRunner(files.manifest, candidate.artifact, graph)
                repeat(protocol.warmUps) { runner.run(inputs) }
                val runs = mutableListOf<Double>()
                val starts = mutableListOf<Double>()
                val began = probe.nanos()
                while (runs.isEmpty() || (probe.nanos() - began) / 1e9 < protocol.sustainedSeconds) {
                    probe.sleep(0)
                    starts += (probe.nanos() - began) / 1e9
                    runs += timed { runner.run(inputs) }
                }
                val answer = runner.run(inputs)
                // A sustained run of few and slow calls is as long as the protocol wants, but not as many.
                val quick = protocol.quick || runs.size < Protocol().runs
                Outcome(
                    timing = Timing(emptyList(), protocol.warmUps, runs, starts, quick),
                    parity = parity(candidate, case, answer),
                    graph = graph,
                    used = usedBy(candidate, case, answer),
                )
            }
        }

    private class Outcome(
        val timing: Timing? = null,
        val memory: Memory? = null,
        val parity: List<Parity>,
        val graph: LoadedGraph,
        val used: String,
    )

    /** Gate, conditions and errors around a pass. */
    private fun measured(
        candidate: Candidate,
        pass: String,
        index: Int,
        of: Int = protocol.repeats,
        measure: (GoldenCase, Map<String, Planes>) -> Outcome,
    ): Row {
        val gate = protocol.waitAtGate(probe)
        val before = probe.thermal()
        var reason = ""
        var outcome: Outcome? = null
        try {
            val case = selfTest.casesOf(candidate.artifact).first()
            val inputs = case.inputs.associate { it.name to files.input(it, candidate.artifact.heightPx, candidate.artifact.widthPx) }
            outcome = measure(case, inputs)
        } catch (error: Exception) {
            error.rethrowIfCancelled()
            reason = error.sentence()
        } catch (error: LinkageError) {
            reason = "${candidate.engine.runtime} is not in this build (${error.sentence()})"
        }
        val wrong = outcome?.parity.orEmpty().filter { it.passed == false }
        val status =
            when {
                outcome == null -> "not run"
                wrong.isNotEmpty() -> "failed"
                else -> "ok"
            }
        if (status == "failed") reason = wrong.joinToString { "${it.statistic} error ${it.value} > ${it.limit}" }
        return Row(
            runId = runId,
            measuredAt = probe.now(),
            case = candidate.caseName(),
            pass = pass,
            stage = candidate.artifact.graph,
            status = status,
            reason = reason,
            subject = candidate.subject(),
            engine = candidate.record(outcome?.graph, outcome?.used ?: "unknown"),
            device = probe.device,
            app = probe.app,
            conditions = conditions(gate, before),
            repeat = Repeat(index, of),
            timing = outcome?.timing,
            memory = outcome?.memory,
            parity = outcome?.parity.orEmpty(),
        )
    }

    private fun conditions(
        gate: Gate?,
        before: Thermal?,
    ) = Conditions(
        clocksPinned = null,
        gate = gate,
        thermalBefore = before,
        thermalAfter = probe.thermal(),
        batteryPercent = probe.batteryPercent(),
        charging = probe.charging(),
        lowPower = probe.lowPower(),
        loadBefore = null,
    )

    private fun parity(
        candidate: Candidate,
        case: GoldenCase,
        answer: Planes,
    ): List<Parity> =
        selfTest.judge(candidate.engine, candidate.accelerator, candidate.artifact, case, answer).mapNotNull {
            if (it.status == Check.Status.NOT_RUN) return@mapNotNull null
            Parity("golden", it.case, it.tensor, it.statistic, it.value, it.limit, it.status == Check.Status.PASSED)
        }

    /** An answer that is bit-identical to the CPU's did not come from an accelerator. */
    private fun usedBy(
        candidate: Candidate,
        case: GoldenCase,
        answer: Planes,
    ): String {
        if (candidate.accelerator == Accelerator.CPU) return "cpu"
        val control = candidate.copy(accelerator = Accelerator.CPU).open().use { selfTest.answer(candidate.artifact, case, it) }
        return if (control.values.contentEquals(answer.values)) "cpu" else candidate.accelerator.name.lowercase()
    }

    private fun Candidate.open(): LoadedGraph = engine.open(artifact, files.checked(artifact), accelerator)

    private inline fun timed(work: () -> Unit): Double {
        val began = probe.nanos()
        work()
        return (probe.nanos() - began) / 1e6
    }
}

private fun Candidate.caseName() =
    "${artifact.graph}/${artifact.id}/${artifact.heightPx}x${artifact.widthPx}/" +
        "${engine.backend}-${accelerator.name.lowercase()}/auto"

private fun Candidate.subject(): Subject {
    val single = artifact.files.single()
    return Subject(
        "artifact", artifact.id, single.sha256, single.bytes, artifact.precision, listOf(artifact.heightPx, artifact.widthPx),
    )
}

private fun Candidate.record(
    graph: LoadedGraph?,
    used: String,
) = EngineRecord(
    backend = engine.backend,
    runtime = engine.runtime,
    runtimeVersion = engine.runtimeVersion,
    acceleratorRequested = accelerator.name.lowercase(),
    acceleratorUsed = used,
    nodesDelegated = graph?.placement?.nodesDelegated,
    nodesTotal = graph?.placement?.nodesTotal,
    partitions = graph?.placement?.partitions,
    threads = null,
)
