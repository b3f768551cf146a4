package org.reblur.core.benchmark

/** How much is measured: the numbers of `benchmarks/PROTOCOL.md`. */
data class Protocol(
    val repeats: Int = 3,
    val coldLoads: Int = 3,
    val warmUps: Int = 3,
    val runs: Int = 20,
    val memoryRuns: Int = 5,
    val sustainedSeconds: Double = 120.0,
    /** Highest temperature of the battery that is let through. */
    val gateCelsius: Double = 35.0,
    val gateSeconds: Double = 1800.0,
    val gatePollMs: Long = 5_000,
    /** Fewer runs than the protocol's: such rows are marked and compared with no others. */
    val quick: Boolean = false,
) {
    companion object {
        /** For a look: a minute in place of many. */
        val QUICK = Protocol(repeats = 1, coldLoads = 3, warmUps = 1, runs = 5, memoryRuns = 2, sustainedSeconds = 5.0, quick = true)
    }
}

/** Wait until the battery is cool enough; what was waited for, or null where the device does not tell. */
fun Protocol.waitAtGate(probe: DeviceProbe): Gate? {
    val began = probe.nanos()

    fun waited() = (probe.nanos() - began) / 1e9
    var celsius = probe.thermal()?.celsius ?: return null
    while (celsius > gateCelsius && waited() < gateSeconds) {
        probe.sleep(gatePollMs)
        celsius = probe.thermal()?.celsius ?: return null
    }
    return Gate("battery_celsius", gateCelsius, celsius, waited(), celsius > gateCelsius)
}
