package org.reblur.core

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import org.reblur.core.benchmark.AppRecord
import org.reblur.core.benchmark.Benchmark
import org.reblur.core.benchmark.Candidate
import org.reblur.core.benchmark.Device
import org.reblur.core.benchmark.DeviceProbe
import org.reblur.core.benchmark.Protocol
import org.reblur.core.benchmark.Row
import org.reblur.core.benchmark.Thermal
import org.reblur.core.benchmark.waitAtGate
import org.reblur.core.engines.Accelerator
import org.reblur.core.engines.Engine
import org.reblur.core.engines.LoadedGraph
import org.reblur.core.manifest.Artifact
import org.reblur.core.testing.DesktopEngine
import java.io.File

/** A device with a clock of its own, that gets cooler while it waits. */
private class FakeDevice(
    var celsius: Double,
    private val cooling: Double,
) : DeviceProbe {
    private var waitedNanos = 0L
    override val device = Device("phone", "Example Phone", null, 8, 8000.0, "Android", "15")
    override val app = AppRecord("android_demo", "0.1.0", "debug")

    override fun thermal() = Thermal("none", celsius, null)

    override fun batteryPercent() = 80.0

    override fun charging() = false

    override fun lowPower() = false

    override fun memoryMib() = 100.0

    override fun now() = "2026-01-01T00:00:00.000Z"

    override fun nanos() = System.nanoTime() + waitedNanos

    override fun sleep(ms: Long) {
        celsius -= cooling
        waitedNanos += ms * 1_000_000
    }
}

class BenchmarkTest {
    private val quick = Protocol.QUICK.copy(sustainedSeconds = 0.2)

    private fun rows(
        engine: Engine,
        graph: String = "preview",
    ): List<Row> {
        val files = export()
        val artifact = files.manifest.artifacts.first { it.graph == graph && it.format == "tflite" }
        val rows = mutableListOf<Row>()
        Benchmark(files, FakeDevice(30.0, 0.0), quick, "test-run").run(listOf(Candidate(engine, artifact, Accelerator.CPU)), rows::add)
        return rows
    }

    @Test
    fun rowsAreOkAndWhole() {
        val rows = rows(DesktopEngine(2))
        assertEquals(listOf("latency", "memory", "sustained"), rows.map { it.pass })
        assertEquals(listOf("ok"), rows.map { it.status }.distinct())
        assertEquals(quick.runs, checkNotNull(rows[0].timing).rawMs.size)
        assertTrue(rows.all { row -> row.parity.isNotEmpty() && row.parity.all { it.passed == true } })
    }

    @Test
    fun everyKeyOfTheSchemaIsThereAndNoOther() {
        val schema = File(System.getProperty("reblur.rowSchema").orEmpty())
        assumeTrue("no schema of rows at $schema", schema.isFile)
        val root = Json.parseToJsonElement(schema.readText()).jsonObject
        for (row in rows(DesktopEngine(2))) assertKeys(root, root, Json.parseToJsonElement(row.toJson()), "row")
    }

    private fun assertKeys(
        root: JsonObject,
        schema: JsonObject,
        found: JsonElement,
        where: String,
    ) {
        val resolved = if ("\$ref" in schema) {
            root
                .getValue("\$defs")
                .jsonObject
                .getValue("thermal")
                .jsonObject
        } else {
            schema
        }
        val properties = resolved["properties"]?.jsonObject ?: return
        if (found is JsonNull) return
        val required = resolved["required"]?.jsonArray?.map { it.jsonPrimitive.content }.orEmpty()
        assertEquals("$where lacks", emptySet<String>(), required.toSet() - found.jsonObject.keys)
        assertEquals("$where knows nothing of", emptySet<String>(), found.jsonObject.keys - properties.keys)
        for ((name, value) in found.jsonObject) assertKeys(root, properties.getValue(name).jsonObject, value, "$where.$name")
    }

    @Test
    fun aWrongAnswerIsFailedHoweverFast() {
        val wrong =
            object : Engine by DesktopEngine(2) {
                override fun open(
                    artifact: Artifact,
                    file: File,
                    accelerator: Accelerator,
                ): LoadedGraph {
                    val graph = DesktopEngine(2).open(artifact, file, accelerator)
                    return object : LoadedGraph by graph {
                        override fun run(inputs: Map<String, FloatArray>) =
                            graph.run(inputs).mapValues { (_, answer) -> FloatArray(answer.size) { answer[it] * 0.5f } }
                    }
                }
            }
        val row = rows(wrong).first()
        assertEquals("failed", row.status)
        assertTrue(row.reason, "error" in row.reason)
    }

    @Test
    fun whatDoesNotOpenIsNotRun() {
        val missing =
            object : Engine by DesktopEngine(2) {
                override fun open(
                    artifact: Artifact,
                    file: File,
                    accelerator: Accelerator,
                ): LoadedGraph = error("no such delegate")
            }
        for (row in rows(missing)) {
            assertEquals("not run", row.status)
            assertEquals("no such delegate", row.reason)
            assertEquals(null, row.timing)
        }
    }

    @Test
    fun theGateWaitsUntilItIsCool() {
        val gate = checkNotNull(Protocol().waitAtGate(FakeDevice(37.0, 0.5)))
        assertEquals(35.0, checkNotNull(gate.start), 1e-9)
        assertEquals(false, gate.timedOut)
        assertTrue("${gate.waitedS}", gate.waitedS in 20.0..25.0)
    }

    @Test
    fun theGateGivesUpAfterHalfAnHour() {
        val gate = checkNotNull(Protocol().waitAtGate(FakeDevice(40.0, 0.0)))
        assertEquals(true, gate.timedOut)
        assertTrue("${gate.waitedS}", gate.waitedS in 1800.0..1810.0)
    }
}
