package org.reblur.core.engines

import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.read

/** What was found out about accelerators on this device; kept between starts of the app. */
interface ChoiceStore {
    /** The accelerator that a file is known to work on, by the file's digest. */
    fun load(sha256: String): Accelerator?

    fun save(
        sha256: String,
        accelerator: Accelerator,
    )
}

/** A graph that is open: where it runs, and why not where it was asked to. */
class OpenGraph(
    val artifact: Artifact,
    val graph: LoadedGraph,
    val asked: Accelerator,
    val got: Accelerator,
    /** One sentence for each accelerator that was tried and given up. */
    val refusals: List<String>,
) : AutoCloseable by graph

/**
 * Opens a file on the fastest accelerator that answers rightly.
 *
 * An accelerator is given up where it does not open the file, throws, answers with NaN, is out of tolerance at a golden
 * vector, hands the input back, or gives the CPU's answer bit for bit, which means that it did not run there.
 */
class GraphOpener(
    private val files: ModelFiles,
    private val engine: Engine,
    private val choices: ChoiceStore,
    /** What to try first; null for the engine's own order. */
    private val preferred: Accelerator? = null,
) {
    private val selfTest = SelfTest(files)

    fun open(artifact: Artifact): OpenGraph {
        val file = files.checked(artifact)
        val order = engine.accelerators.filter { preferred == null || it >= preferred }.ifEmpty { engine.accelerators }
        val asked = order.first()
        val refusals = mutableListOf<String>()
        val known = choices.load(artifact.files.first().sha256)?.takeIf { it in order && preferred == null }
        for (accelerator in order) {
            if (known != null && accelerator < known) {
                refusals += "$accelerator: did not answer rightly when it was last tried."
                continue
            }
            try {
                val graph = engine.open(artifact, file, accelerator)
                val reason = if (accelerator == known) null else fault(artifact, graph, accelerator)
                if (reason == null) {
                    choices.save(artifact.files.first().sha256, accelerator)
                    return OpenGraph(artifact, graph, asked, accelerator, refusals)
                }
                graph.close()
                refusals += "$accelerator: $reason".ended()
            } catch (error: Exception) {
                error.rethrowIfCancelled()
                refusals += "$accelerator: ${error.sentence()}".ended()
            } catch (error: LinkageError) {
                refusals += "$accelerator: ${engine.runtime} is not in this build (${error.sentence()})."
            }
        }
        throw NoAcceleratorException("${artifact.id} runs on nothing here. ${refusals.joinToString(" ")}")
    }

    /** What is wrong with its answer; null where nothing is. */
    private fun fault(
        artifact: Artifact,
        graph: LoadedGraph,
        accelerator: Accelerator,
    ): String? {
        val case = selfTest.casesOf(artifact).firstOrNull() ?: return null
        val answer =
            try {
                selfTest.answer(artifact, case, graph)
            } catch (error: NotANumberException) {
                return error.sentence()
            }
        val input = files.read(case.inputs.first())
        if (answer.channels == input.channels && answer.part(input.whole()).values.contentEquals(input.values)) {
            return "its answer is the input, unchanged."
        }
        val missed = selfTest.judge(engine, accelerator, artifact, case, answer).firstOrNull { it.status == Check.Status.FAILED }
        if (missed != null) {
            return "its ${missed.statistic} error is %.3g, at most %.3g is right.".format(missed.value, missed.limit)
        }
        if (accelerator == Accelerator.CPU || Accelerator.CPU !in engine.accelerators) return null
        val control = engine.open(artifact, files.checked(artifact), Accelerator.CPU).use { selfTest.answer(artifact, case, it) }
        return if (control.values.contentEquals(answer.values)) "its answer is the CPU's, bit for bit: it did not run there." else null
    }
}

/** With a full stop, whatever a runtime says. */
private fun String.ended() = if (endsWith(".")) this else "$this."

private fun Planes.whole() = Part(0, height, 0, width)
