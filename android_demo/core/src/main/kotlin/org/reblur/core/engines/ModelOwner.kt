package org.reblur.core.engines

import org.reblur.core.ReblurException
import org.reblur.core.manifest.Manifest
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.Pipeline
import org.reblur.core.refocusing.FullSize
import org.reblur.core.refocusing.Graphs
import org.reblur.core.refocusing.RefocusPipeline
import org.reblur.core.refocusing.TiledGraph

/** Where the graphs of a pipeline run, for people. */
data class EngineStatus(
    val pipeline: String,
    val runtime: String,
    val graphs: List<GraphStatus>,
    /** Why not the engine that was asked for. */
    val refusals: List<String> = emptyList(),
)

data class GraphStatus(
    val graph: String,
    val asked: Accelerator,
    val got: Accelerator,
    val placement: Placement?,
    val refusals: List<String>,
)

/** The models, open: the only thing in the app that holds any. Not for several threads at once. */
class OpenModels internal constructor(
    val manifest: Manifest,
    val pipeline: RefocusPipeline,
    /** The quick form of refocusing, for a finger that moves; the full one where the export has none. */
    val quick: FullSize,
    val engine: Engine,
    val status: EngineStatus,
    private val graphs: List<OpenGraph>,
) : AutoCloseable {
    override fun close() = graphs.forEach { it.close() }
}

/**
 * Opens the graphs of a pipeline on the first engine that has them and runs them; the others are tried in turn.
 *
 * Damaged files and manifests are no engine's fault and end it at once.
 */
class ModelOwner(
    private val files: ModelFiles,
    private val engines: List<Engine>,
    private val choices: ChoiceStore,
    private val preferred: Accelerator? = null,
) {
    fun open(
        precision: String? = null,
        check: () -> Unit = {},
    ): OpenModels {
        val refusals = mutableListOf<String>()
        for (engine in engines) {
            try {
                return open(engine, precision, refusals, check)
            } catch (error: NoAcceleratorException) {
                refusals += error.sentence()
            }
        }
        throw ReblurException("No engine runs the models here. ${refusals.joinToString(" ")}")
    }

    private fun open(
        engine: Engine,
        precision: String?,
        refusals: List<String>,
        check: () -> Unit,
    ): OpenModels {
        val manifest = files.manifest
        val pipeline = pipelineOf(engine, manifest, precision)
        val opener = GraphOpener(files, engine, choices, preferred)
        val opened = mutableListOf<OpenGraph>()

        fun graph(id: String): TiledGraph {
            check()
            val artifact = manifest.artifact(id)
            val graph = opener.open(artifact).also { opened += it }
            val runner = ArtifactRunner(manifest, artifact, graph.graph)
            val halo = manifest.graph(artifact.graph).haloPx
            return TiledGraph(runner, artifact.heightPx, artifact.widthPx, halo, manifest.tiling.alignmentPx)
        }
        try {
            val graphs = Graphs(graph(pipeline.defocus), graph(pipeline.deblur), graph(pipeline.refocus))
            val quick = previewOf(manifest, pipeline)?.let { graph(it) } ?: graphs.refocus
            val status = statusOf(engine, pipeline, opened, refusals.toList())
            return OpenModels(manifest, RefocusPipeline(manifest, graphs), FullSize(quick), engine, status, opened)
        } catch (error: Throwable) {
            opened.forEach { it.close() }
            throw error
        }
    }

    private fun pipelineOf(
        engine: Engine,
        manifest: Manifest,
        precision: String?,
    ): Pipeline {
        val usable = manifest.pipelines.filter { it.backend == engine.backend && it.delegate == engine.delegate && it.status == "passed" }
        val chosen = if (precision == null) usable else usable.filter { it.precision == precision }
        return chosen.firstOrNull() ?: throw NoAcceleratorException(
            "There are no models for ${engine.backend}${precision?.let { " in $it" }.orEmpty()}: " +
                "there are ${usable.joinToString { it.precision }.ifEmpty { "none" }}; run `make export` and build the app again.",
        )
    }

    /** The preview graph in the refocusing graph's precision and size. */
    private fun previewOf(
        manifest: Manifest,
        pipeline: Pipeline,
    ): String? {
        val full = manifest.artifact(pipeline.refocus)
        return manifest.artifacts
            .firstOrNull {
                it.graph == RefocusPipeline.PREVIEW && it.format == full.format && it.precision == full.precision &&
                    it.heightPx == full.heightPx && it.widthPx == full.widthPx && it.status == "passed"
            }?.id
    }

    private fun statusOf(
        engine: Engine,
        pipeline: Pipeline,
        opened: List<OpenGraph>,
        refusals: List<String>,
    ) = EngineStatus(
        pipeline.id,
        listOfNotNull(engine.runtime, engine.runtimeVersion).joinToString(" "),
        opened.map { GraphStatus(it.artifact.graph, it.asked, it.got, it.graph.placement, it.refusals) },
        refusals,
    )
}
