package org.reblur.core.benchmark

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNamingStrategy

/** One measurement, one line of JSON, by `benchmarks/row.schema.json`: every key is there, what cannot be known is null. */
@Serializable
data class Row(
    val schemaVersion: Int = SCHEMA_VERSION,
    val runId: String,
    val measuredAt: String,
    val case: String,
    val pass: String,
    val stage: String,
    val status: String,
    val reason: String,
    val isSample: Boolean = false,
    val subject: Subject,
    val engine: EngineRecord,
    val device: Device,
    val app: AppRecord,
    val conditions: Conditions,
    val repeat: Repeat,
    val timing: Timing?,
    val memory: Memory?,
    val parity: List<Parity>,
    val figures: Map<String, Double?> = emptyMap(),
) {
    fun toJson(): String = json.encodeToString(serializer(), this)

    companion object {
        const val SCHEMA_VERSION = 1

        @OptIn(ExperimentalSerializationApi::class)
        private val json =
            Json {
                encodeDefaults = true
                namingStrategy = JsonNamingStrategy.SnakeCase
            }
    }
}

@Serializable
data class Subject(
    val kind: String,
    val id: String,
    val sha256: String?,
    val bytes: Long?,
    val precision: String?,
    val shape: List<Int>?,
)

@Serializable
data class EngineRecord(
    val backend: String,
    val runtime: String,
    val runtimeVersion: String?,
    val acceleratorRequested: String,
    val acceleratorUsed: String,
    val nodesDelegated: Int?,
    val nodesTotal: Int?,
    val partitions: Int?,
    val threads: Int?,
)

@Serializable
data class Device(
    val kind: String,
    val name: String,
    val soc: String?,
    val cores: Int?,
    val memoryMib: Double?,
    val os: String,
    val osVersion: String?,
)

@Serializable
data class AppRecord(
    val name: String,
    val version: String,
    val buildType: String,
)

@Serializable
data class Conditions(
    val clocksPinned: Boolean?,
    val gate: Gate?,
    val thermalBefore: Thermal?,
    val thermalAfter: Thermal?,
    val batteryPercent: Double?,
    val charging: Boolean?,
    val lowPower: Boolean?,
    val loadBefore: Double?,
)

@Serializable
data class Gate(
    val kind: String,
    val limit: Double,
    val start: Double?,
    @SerialName("waited_s") val waitedS: Double,
    val timedOut: Boolean,
)

@Serializable
data class Thermal(
    val state: String?,
    val celsius: Double?,
    val headroom: Double?,
)

@Serializable
data class Repeat(
    val index: Int,
    val of: Int,
)

@Serializable
data class Timing(
    val coldLoadMs: List<Double>,
    val warmUpRuns: Int,
    val rawMs: List<Double>,
    @SerialName("started_s") val startedS: List<Double>?,
    val quick: Boolean,
    val clock: String = "wall",
)

@Serializable
data class Memory(
    val kind: String,
    val baselineMib: Double,
    val loadedMib: Double,
    val peakMib: Double,
    val disposedMib: Double?,
)

@Serializable
data class Parity(
    val against: String,
    val case: String,
    val tensor: String,
    val statistic: String,
    val value: Double?,
    val limit: Double?,
    val passed: Boolean?,
)
