package org.reblur.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test
import org.reblur.core.photos.EmbeddedDepth
import org.reblur.core.photos.Exif
import org.reblur.core.photos.Jpeg
import org.reblur.core.photos.JpegSegment
import org.reblur.core.photos.Orientation
import org.reblur.core.photos.UprightPixels
import org.reblur.core.photos.argbToPlanes
import org.reblur.core.photos.toArgb
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64

class PhotosTest {
    private val bare = byteArrayOf(-1, 0xD8.toByte(), -1, 0xDA.toByte(), 0, 2, 1, 2, 3)

    /** A block with an Orientation, a width, a text that no reader knows, and a second directory. */
    private fun exif(order: ByteOrder): ByteArray {
        val buffer = ByteBuffer.allocate(6 + 8 + 2 + 3 * 12 + 4 + 8).order(order)
        buffer.put("Exif\u0000\u0000".toByteArray())
        buffer.put((if (order == ByteOrder.LITTLE_ENDIAN) "II" else "MM").toByteArray()).putShort(42).putInt(8)
        buffer.putShort(3)
        buffer
            .putShort(0x0100)
            .putShort(4)
            .putInt(1)
            .putInt(4000)
        buffer
            .putShort(0x0112)
            .putShort(3)
            .putInt(1)
            .putShort(6)
            .putShort(0)
        buffer
            .putShort(0x7FFF)
            .putShort(7)
            .putInt(4)
            .putInt(0x01020304)
        return buffer.putInt(50).array()
    }

    @Test
    fun exifIsChangedInPlace() {
        for (order in listOf(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
            val block = exif(order)
            val jpeg = Jpeg.withSegment(bare, JpegSegment(Jpeg.APP1, block))
            val exif = checkNotNull(Exif.of(jpeg))
            assertEquals(Orientation.TURNED_90, exif.orientation)
            val saved = Jpeg.withSegment(bare, exif.forUpright(30, 20))
            val again = checkNotNull(Exif.of(saved))
            assertEquals(Orientation.UPRIGHT, again.orientation)
            val changed = Jpeg.segments(saved).single().payload
            val buffer = ByteBuffer.wrap(changed).order(order)
            assertEquals(20, buffer.getInt(6 + 8 + 2 + 8))
            assertEquals("the thumbnail's directory is cut off", 0, buffer.getInt(6 + 8 + 2 + 36))
            assertArrayEquals("an unknown tag stays", block.copyOfRange(40, 52), changed.copyOfRange(40, 52))
            assertEquals("the original is left alone", Orientation.TURNED_90, checkNotNull(Exif.of(jpeg)).orientation)
        }
    }

    @Test
    fun damagedExifCountsAsNone() {
        val block = exif(ByteOrder.LITTLE_ENDIAN)
        assertNull(Exif.of(bare))
        assertNull(Exif.of(byteArrayOf(1, 2, 3)))
        for (size in 15..block.size) {
            val found = Exif.of(Jpeg.withSegment(bare, JpegSegment(Jpeg.APP1, block.copyOf(size))))
            found?.orientation // whatever it is, nothing is thrown
        }
        block[10] = 0x7F // the first directory lies beyond the block
        val beyond = checkNotNull(Exif.of(Jpeg.withSegment(bare, JpegSegment(Jpeg.APP1, block))))
        assertEquals(Orientation.UPRIGHT, beyond.orientation)
        assertArrayEquals(block, beyond.forUpright(30, 20).payload)
    }

    @Test
    fun partsOfATurnedPhotographAreThoseOfTheUprightOne() {
        val height = 5
        val width = 7
        val stored = IntArray(height * width) { (0xFF shl 24) or it * 7001 }
        val whole = argbToPlanes(stored, height, width)
        for (orientation in Orientation.entries) {
            val pixels =
                UprightPixels(height, width, orientation) { part ->
                    IntArray(part.height * part.width) { stored[(part.top + it / part.width) * width + part.left + it % part.width] }
                }
            val upright = orientation.upright(whole)
            assertEquals(upright.height to upright.width, pixels.height to pixels.width)
            val part = Part(1, 4, 2, 5)
            assertArrayEquals(orientation.name, upright.part(part).values, pixels.part(part).values, 0f)
        }
    }

    @Test
    fun pixelsComeBackAsTheyWere() {
        val pixels = IntArray(256) { (0xFF shl 24) or (it shl 16) or ((255 - it) shl 8) or (it * 7 and 255) }
        assertArrayEquals(pixels, argbToPlanes(pixels, 16, 16).toArgb())
    }

    private fun withXmp(xmp: String) =
        Jpeg.withSegment(bare, JpegSegment(Jpeg.APP1, "http://ns.adobe.com/xap/1.0/\u0000$xmp".toByteArray()))

    /** A decoder for tests: each byte is a grey level. */
    private val depths = EmbeddedDepth { bytes -> Planes(1, 1, bytes.size, FloatArray(bytes.size) { (bytes[it].toInt() and 255) / 255f }) }

    @Test
    fun depthInXmpIsRead() {
        val data = Base64.getEncoder().encodeToString(byteArrayOf(0, -1))
        val depth =
            depths.of(
                withXmp("<x xmlns:d='http://ns.google.com/photos/1.0/depthmap/' d:Format='RangeInverse' d:Data='$data'/>"),
            )
        assertArrayEquals(floatArrayOf(1f, 0f), checkNotNull(depth).disparity.values, 1e-6f)
        assertEquals("GDepth, RangeInverse", depth.kind)
    }

    @Test
    fun linearDepthIsMadeInverse() {
        val data = Base64.getEncoder().encodeToString(byteArrayOf(0, -1))
        val depth =
            depths.of(
                withXmp(
                    "<x xmlns:d='http://ns.google.com/photos/1.0/depthmap/' d:Format='RangeLinear' d:Near='1' d:Far='4' d:Data='$data'/>",
                ),
            )
        assertArrayEquals(floatArrayOf(1f, 0f), checkNotNull(depth).disparity.values, 1e-6f)
    }

    @Test
    fun depthBehindThePhotographIsRead() {
        val xmp =
            "<r xmlns:d='http://ns.google.com/photos/dd/1.0/depthmap/' xmlns:i='http://ns.google.com/photos/dd/1.0/item/' " +
                "d:Format='RangeInverse'><a i:Semantic='Primary' i:Length='0'/><a i:Semantic='Depth' i:Length='2'/></r>"
        assertArrayEquals(
            floatArrayOf(0.2f, 0.8f),
            checkNotNull(depths.of(withXmp(xmp) + byteArrayOf(204.toByte(), 51))).disparity.values,
            1e-6f,
        )
    }

    @Test
    fun brokenXmpIsNoDepth() {
        assertNull(depths.of(withXmp("<x")))
        assertNull(depths.of(bare))
        assertNull(depths.of(withXmp("<x xmlns:d='http://ns.google.com/photos/1.0/depthmap/' d:Data='!!'/>")))
    }
}
