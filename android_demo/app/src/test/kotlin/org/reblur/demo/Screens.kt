package org.reblur.demo

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.os.Build
import android.os.Handler
import android.os.Looper
import android.view.PixelCopy
import android.view.Window
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.robolectric.Shadows.shadowOf
import java.io.File
import kotlin.math.abs

/** Pictures of screens, and how far they are from the stored ones. */
object Screens {
    private val folder = File(checkNotNull(System.getProperty("reblur.screens")))
    private val stored = checkNotNull(System.getProperty("reblur.storedScreens")).let(::File)

    /** Mean difference of colour values up to which two screens are the same: fonts and blends differ by a little. */
    private const val SAME = 1.0

    /** Stored screens are this much smaller, which also keeps single pixels from counting. */
    private const val REDUCTION = 2

    /**
     * The window as it would be on a phone, saved under a name.
     *
     * Not by captureToImage(): it waits for a frame to be committed, which never happens under Robolectric.
     */
    fun take(
        window: Window,
        name: String,
    ): Bitmap {
        val view = window.decorView
        val bitmap = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
        var result = -1
        PixelCopy.request(window, bitmap, { result = it }, Handler(Looper.getMainLooper()))
        shadowOf(Looper.getMainLooper()).idle()
        assertEquals(PixelCopy.SUCCESS, result)
        val file = File(folder, "$name-api${Build.VERSION.SDK_INT}.png")
        file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
        return bitmap
    }

    /** Hold a screen against the stored one; one that is not stored yet passes, and the build says so. */
    fun compare(
        screen: Bitmap,
        name: String,
    ) {
        val small = Bitmap.createScaledBitmap(screen, screen.width / REDUCTION, screen.height / REDUCTION, true)
        val fresh = File(folder, "small/$name.png").also { it.parentFile?.mkdirs() }
        fresh.outputStream().use { small.compress(Bitmap.CompressFormat.PNG, 100, it) }
        val file = File(stored, "$name.png")
        if (!file.exists()) {
            println("not compared: $name, of which no picture is stored")
            return
        }
        val expected = BitmapFactory.decodeFile(file.path)
        assertEquals("$name: size", expected.width to expected.height, small.width to small.height)
        val difference = meanDifference(small, expected)
        assertTrue(
            "$name differs from the stored screen by $difference of 255, at most $SAME is allowed: look at $fresh",
            difference <= SAME,
        )
    }

    fun meanDifference(
        one: Bitmap,
        other: Bitmap,
    ): Double {
        val (a, b) = listOf(one, other).map { bitmap ->
            IntArray(bitmap.width * bitmap.height).also { bitmap.getPixels(it, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height) }
        }
        return a.indices.sumOf { i ->
            (
                abs((a[i] shr 16 and 255) - (b[i] shr 16 and 255)) + abs((a[i] shr 8 and 255) - (b[i] shr 8 and 255)) +
                    abs((a[i] and 255) - (b[i] and 255))
            ).toDouble()
        } / (3.0 * a.size)
    }
}
