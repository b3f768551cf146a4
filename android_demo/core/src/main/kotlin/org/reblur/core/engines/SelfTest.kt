package org.reblur.core.engines

import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.manifest.Artifact
import org.reblur.core.manifest.GoldenCase
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.errorsOf
import org.reblur.core.manifest.input
import org.reblur.core.manifest.read
import org.reblur.core.manifest.statistic

/** One line of the self-test's table. */
@Serializable
data class Check(
    val backend: String,
    val accelerator: Accelerator,
    val artifact: String,
    val case: String,
    val tensor: String = "",
    val statistic: String = "",
    /** Null where there is no number. */
    val value: Double? = null,
    val limit: Double? = null,
    val status: Status,
    val reason: String = "",
) {
    enum class Status { PASSED, FAILED, NOT_RUN }
}

/** The outcome of a self-test, as it is shown and shared. */
@Serializable
data class SelfTestReport(
    val device: String,
    val app: String,
    val reblurVersion: String,
    val checks: List<Check>,
) {
    val failed: Int get() = checks.count { it.status == Check.Status.FAILED }
    val passed: Int get() = checks.count { it.status == Check.Status.PASSED }
    val notRun: Int get() = checks.count { it.status == Check.Status.NOT_RUN }

    fun toJson(): String = json.encodeToString(serializer(), this)

    private companion object {
        val json = Json { prettyPrint = true }
    }
}

/** Holds answers against the golden vectors that come with the models. */
class SelfTest(
    private val files: ModelFiles,
) {
    /** Cases of a file's graph, at its size. */
    fun casesOf(artifact: Artifact): List<GoldenCase> =
        files.manifest.golden.filter {
            it.graph == artifact.graph && it.heightPx == artifact.heightPx && it.widthPx == artifact.widthPx
        }

    /** The answer of a loaded graph to a case's input. */
    fun answer(
        artifact: Artifact,
        case: GoldenCase,
        graph: LoadedGraph,
    ): Planes {
        val inputs = case.inputs.associate { it.name to files.input(it, artifact.heightPx, artifact.widthPx) }
        return ArtifactRunner(files.manifest, artifact, graph).run(inputs)
    }

    /** Each statistic of an answer's errors, against its tolerance. */
    fun judge(
        engine: Engine,
        accelerator: Accelerator,
        artifact: Artifact,
        case: GoldenCase,
        answer: Planes,
    ): List<Check> {
        // A GPU or NPU computes with half precision whatever the file holds.
        val precision = if (accelerator == Accelerator.CPU || artifact.precision != "fp32") artifact.precision else "fp16"
        val tolerances =
            case.tolerances[precision] ?: return listOf(
                Check(
                    engine.backend, accelerator, artifact.id, case.case, status = Check.Status.NOT_RUN,
                    reason = "the manifest has no tolerance for $precision",
                ),
            )
        val expected = case.outputs.single()
        val errors = errorsOf(answer, files.read(expected), expected.stridePx)
        return tolerances.map { tolerance ->
            val value = statistic(tolerance.statistic, errors)
            Check(
                backend = engine.backend,
                accelerator = accelerator,
                artifact = artifact.id,
                case = case.case,
                tensor = expected.name,
                statistic = tolerance.statistic,
                value = value.takeIf { it.isFinite() },
                limit = tolerance.atMost,
                status = if (value <= tolerance.atMost) Check.Status.PASSED else Check.Status.FAILED,
            )
        }
    }

    /** Every case of a file on one accelerator; what cannot be opened or run is one line that says so. */
    fun run(
        engine: Engine,
        artifact: Artifact,
        accelerator: Accelerator,
        check: () -> Unit = {},
    ): List<Check> {
        fun failed(
            case: String,
            error: Exception,
        ) = Check(
            engine.backend, accelerator, artifact.id, case, status = Check.Status.FAILED, reason = error.sentence(),
        )
        val graph =
            try {
                engine.open(artifact, files.checked(artifact), accelerator)
            } catch (error: Exception) {
                error.rethrowIfCancelled()
                val known = accelerator != Accelerator.CPU && error !is ReblurException
                return listOf(
                    failed("open", error).copy(status = if (known) Check.Status.NOT_RUN else Check.Status.FAILED),
                )
            }
        return graph.use {
            casesOf(artifact).flatMap { case ->
                check()
                try {
                    judge(engine, accelerator, artifact, case, answer(artifact, case, graph))
                } catch (error: Exception) {
                    error.rethrowIfCancelled()
                    listOf(failed(case.case, error))
                }
            }
        }
    }
}

/** What an exception of any runtime says, in one line. */
fun Throwable.sentence(): String = message?.lineSequence()?.firstOrNull()?.ifBlank { null } ?: javaClass.simpleName

/** Cancelling is no error to be told of. */
fun Throwable.rethrowIfCancelled() {
    if (this is java.util.concurrent.CancellationException || this is InterruptedException) throw this
}
