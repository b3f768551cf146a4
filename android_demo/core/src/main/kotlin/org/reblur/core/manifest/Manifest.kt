package org.reblur.core.manifest

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNamingStrategy
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.reblur.core.ReblurException

/** `manifest.json`: what the files of an export are, take and give. Unknown fields of later minor versions are passed over. */
@Serializable
data class Manifest(
    val schemaVersion: Int,
    val schemaMinor: Int,
    val reblurVersion: String,
    val sizes: List<Size>,
    val sigmaMaxPx: Float,
    val resize: ResizeRules,
    val tiling: TilingRules,
    val conventions: Conventions,
    val graphs: Map<String, Graph>,
    val artifacts: List<Artifact>,
    val pipelines: List<Pipeline>,
    val golden: List<GoldenCase>,
    val goldenChain: GoldenChain,
) {
    /** The largest sigma that the refocusing graph renders. */
    val targetMaxPx: Float
        get() = graph("refocus")
            .inputs
            .last()
            .range
            .last()

    fun graph(name: String): Graph =
        graphs[name] ?: throw ReblurException("The manifest has no graph $name: export again with this version.")

    /** Least and largest value of a graph's answer. */
    fun outputRange(graph: String): List<Float> = graph(graph).outputs.single().range

    fun artifact(id: String): Artifact =
        artifacts.firstOrNull { it.id == id }
            ?: throw ReblurException("The manifest has no file $id: export again with this version.")

    companion object {
        /** The version whose meaning is known here. */
        const val SCHEMA_VERSION = 5
        private val KINDS =
            mapOf(
                "smoothing" to "fast weighted guided filter",
                "optics" to "signed thin lens",
                "highlights" to "isolated clipped pixels",
            )

        @OptIn(ExperimentalSerializationApi::class)
        private val json =
            Json {
                ignoreUnknownKeys = true
                namingStrategy = JsonNamingStrategy.SnakeCase
            }

        /** Read it; throws [ReblurException] with one sentence where it is damaged or of another version. */
        fun parse(text: String): Manifest {
            try {
                val content = json.parseToJsonElement(text).jsonObject
                val version = content["schema_version"]?.jsonPrimitive?.intOrNull
                if (version != SCHEMA_VERSION) {
                    val advice = if ((version ?: 0) > SCHEMA_VERSION) "update the app" else "export again"
                    throw ReblurException(
                        "The models' manifest is of version $version, this app reads version $SCHEMA_VERSION: $advice.",
                    )
                }
                return json.decodeFromJsonElement(serializer(), content).also(::checkKinds)
            } catch (error: SerializationException) {
                throw damaged(error)
            } catch (error: IllegalArgumentException) {
                throw damaged(error)
            }
        }

        private fun damaged(error: Exception) =
            ReblurException("The models' manifest.json is damaged: install the app again, or export again.", error)

        private fun checkKinds(manifest: Manifest) {
            val found =
                mapOf(
                    "smoothing" to manifest.conventions.smoothing.kind,
                    "optics" to manifest.conventions.optics.kind,
                    "highlights" to manifest.conventions.highlights.kind,
                )
            for ((name, kind) in KINDS) {
                if (found[name] != kind) {
                    throw ReblurException("The models want $name of kind ${found[name]}, this app knows $kind: update the app.")
                }
            }
        }
    }
}

@Serializable
data class Size(
    val heightPx: Int,
    val widthPx: Int,
)

@Serializable
data class ResizeRules(
    val longSidePx: Int,
    val oneCallShare: Double? = null,
    val range: List<Float>,
)

@Serializable
data class TilingRules(
    val alignmentPx: Int,
)

@Serializable
data class Conventions(
    val greyWithin: Double,
    val smoothing: SmoothingRules,
    val optics: OpticsRules,
    val highlights: HighlightRules,
    val agreement: AgreementRules,
)

@Serializable
data class SmoothingRules(
    val kind: String,
    val reduction: Int,
    val radius: Double,
    val leastRadius: Int,
    val wider: Int,
    val widerWeight: Double,
    val epsilon: Double,
    val luma: List<Float>,
    val flatGradient: Float,
    val confidenceFloor: Float,
)

@Serializable
data class OpticsRules(
    val kind: String,
    @SerialName("reference_f_number") val referenceFNumber: Double,
    val inFocusPx: List<Float>,
    val tapRadius: Double,
    val leastTapRadius: Int,
)

@Serializable
data class HighlightRules(
    val kind: String,
    val clipped: List<Float>,
    val largestLight: Float,
    val around: Double,
    val crowded: Double,
)

@Serializable
data class AgreementRules(
    val fromPx: Float,
    val toPx: Float,
)

/** What a graph means, whatever file it is in. */
@Serializable
data class Graph(
    val haloPx: Int,
    val inputs: List<Meaning>,
    val outputs: List<Meaning>,
)

@Serializable
data class Meaning(
    val name: String,
    val channels: Int,
    val range: List<Float>,
)

/** A model file. */
@Serializable
data class Artifact(
    val id: String,
    val graph: String,
    val format: String,
    val precision: String,
    val path: String,
    val files: List<FileRecord>,
    val inputs: List<Tensor>,
    val outputs: List<Tensor>,
    val status: String,
    val delegate: String,
) {
    /** Height and width of its tensors. */
    val heightPx: Int get() = inputs.first().size('H')
    val widthPx: Int get() = inputs.first().size('W')
}

@Serializable
data class FileRecord(
    val path: String,
    val bytes: Long,
    val sha256: String,
)

@Serializable
data class Tensor(
    val name: String,
    val dtype: String,
    val layout: String,
    val shape: List<Int>,
) {
    fun size(axis: Char): Int = shape[layout.indexOf(axis)]
}

/** Three files that belong together. */
@Serializable
data class Pipeline(
    val backend: String,
    val delegate: String,
    val precision: String,
    val defocus: String,
    val deblur: String,
    val refocus: String,
    val heightPx: Int,
    val widthPx: Int,
    val status: String,
) {
    /** As benchmark rows name it. */
    val id: String
        get() = listOf(backend, delegate, precision, "${heightPx}x$widthPx").filter { it.isNotEmpty() }.joinToString("-")
}
