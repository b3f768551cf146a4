package org.reblur.core.benchmark

/** What is asked of the device while measuring. */
interface DeviceProbe {
    val device: Device
    val app: AppRecord

    /** Before or after a measurement; null where the device does not tell. */
    fun thermal(): Thermal?

    fun batteryPercent(): Double?

    fun charging(): Boolean?

    /** Whether the battery saver is on. */
    fun lowPower(): Boolean?

    /** Proportional set size of the whole process. */
    fun memoryMib(): Double

    /** UTC, ISO 8601. */
    fun now(): String

    /** Time that only goes forward. */
    fun nanos(): Long = System.nanoTime()

    /** Wait; throws where the measurement is not wanted any more. */
    fun sleep(ms: Long)
}
