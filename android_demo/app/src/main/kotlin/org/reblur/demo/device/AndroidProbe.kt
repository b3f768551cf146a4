package org.reblur.demo.device

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.Debug
import android.os.PowerManager
import androidx.annotation.RequiresApi
import org.reblur.core.benchmark.AppRecord
import org.reblur.core.benchmark.Device
import org.reblur.core.benchmark.DeviceProbe
import org.reblur.core.benchmark.Thermal
import java.time.Instant
import java.time.temporal.ChronoUnit

/** What Android tells of the device while measuring; null where a version does not tell. */
class AndroidProbe(
    private val context: Context,
    isDebug: Boolean,
    version: String,
) : DeviceProbe {
    private val power = checkNotNull(context.getSystemService(PowerManager::class.java))

    override val device =
        Device(
            kind = if (context.resources.configuration.smallestScreenWidthDp >= TABLET_DP) "tablet" else "phone",
            name = "${Build.MANUFACTURER} ${Build.MODEL}",
            soc = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) socModel() else Build.HARDWARE,
            cores = Runtime.getRuntime().availableProcessors(),
            memoryMib = totalMemoryMib(),
            os = "Android",
            osVersion = "${Build.VERSION.RELEASE} (${Build.ID})",
        )

    override val app = AppRecord("android_demo", version, if (isDebug) "debug" else "release")

    override fun thermal(): Thermal =
        Thermal(
            state = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) thermalState() else null,
            celsius = battery(BatteryManager.EXTRA_TEMPERATURE)?.let { it / TENTHS },
            headroom = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) headroom() else null,
        )

    @RequiresApi(Build.VERSION_CODES.Q)
    private fun thermalState(): String? = STATES.getOrNull(power.currentThermalStatus)

    @RequiresApi(Build.VERSION_CODES.R)
    private fun headroom(): Double? = power.getThermalHeadroom(0).toDouble().takeIf { it.isFinite() }

    @RequiresApi(Build.VERSION_CODES.S)
    private fun socModel(): String = Build.SOC_MODEL

    override fun batteryPercent(): Double? {
        val level = battery(BatteryManager.EXTRA_LEVEL) ?: return null
        val scale = battery(BatteryManager.EXTRA_SCALE)?.takeIf { it > 0 } ?: return null
        return PERCENT * level / scale
    }

    override fun charging(): Boolean? = battery(BatteryManager.EXTRA_PLUGGED)?.let { it != 0 }

    override fun lowPower(): Boolean = power.isPowerSaveMode

    override fun memoryMib(): Double = Debug.MemoryInfo().also(Debug::getMemoryInfo).totalPss / KIB

    override fun now(): String = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString()

    override fun sleep(ms: Long) = Thread.sleep(ms)

    private fun battery(extra: String): Int? =
        context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))?.getIntExtra(extra, MISSING)?.takeIf {
            it != MISSING
        }

    private fun totalMemoryMib(): Double {
        val activities = checkNotNull(context.getSystemService(ActivityManager::class.java))
        return ActivityManager.MemoryInfo().also(activities::getMemoryInfo).totalMem / (KIB * KIB)
    }

    private companion object {
        const val TABLET_DP = 600
        const val TENTHS = 10.0
        const val PERCENT = 100.0
        const val KIB = 1024.0
        const val MISSING = Int.MIN_VALUE

        /** `PowerManager.THERMAL_STATUS_*` by number. */
        val STATES = listOf("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
    }
}
