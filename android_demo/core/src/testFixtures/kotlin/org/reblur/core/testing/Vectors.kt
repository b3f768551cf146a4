package org.reblur.core.testing

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.reblur.core.Planes
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.log10

/** What `python -m tests.android.write_vectors` wrote: arrays by name, and facts. */
class Vectors(
    json: String,
    private val bytes: ByteArray,
) {
    val facts: JsonObject = Json.parseToJsonElement(json).jsonObject
    private val contents = checkNotNull(facts["arrays"]).jsonObject

    operator fun contains(name: String) = name in contents

    operator fun get(name: String): Planes {
        val record = checkNotNull(contents[name]) { "no vector $name" }.jsonObject
        val (channels, height, width) = checkNotNull(record["shape"]).jsonArray.map { it.jsonPrimitive.int }
        val offset = checkNotNull(record["offset"]).jsonPrimitive.int
        val buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        return Planes(channels, height, width, FloatArray(channels * height * width) { buffer.getFloat(4 * (offset + it)) })
    }

    companion object {
        fun checkedIn(): Vectors {
            fun resource(name: String) =
                checkNotNull(Vectors::class.java.getResource("/vectors/$name")) { "no $name among the resources" }.readBytes()
            return Vectors(resource("vectors.json").decodeToString(), resource("vectors.f32"))
        }

        fun of(folder: File) = Vectors(File(folder, "vectors.json").readText(), File(folder, "vectors.f32").readBytes())
    }
}

/** Peak signal-to-noise ratio of pictures in [0, 1]. */
fun psnrDb(
    found: Planes,
    expected: Planes,
): Double {
    require(found.height == expected.height && found.width == expected.width && found.channels == expected.channels) {
        "expected ${expected.channels}x${expected.height}x${expected.width}, got ${found.channels}x${found.height}x${found.width}"
    }
    val error = found.values.indices.sumOf { i -> (found.values[i] - expected.values[i]).toDouble().let { it * it } } / found.values.size
    return if (error == 0.0) Double.POSITIVE_INFINITY else -10 * log10(error)
}

/** Where the build says that an export lies; null where it has none. */
fun artifactsFolder(): File? = System.getProperty("reblur.artifacts")?.takeIf { it.isNotEmpty() }?.let(::File)
