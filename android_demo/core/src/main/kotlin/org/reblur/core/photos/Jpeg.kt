package org.reblur.core.photos

import java.io.ByteArrayOutputStream

/** One segment of a JPEG before its pixels: the marker's second byte, and what follows its length. */
class JpegSegment(
    val marker: Int,
    val payload: ByteArray,
)

/** JPEG segments, as far as metadata needs them (ITU-T T.81, annex B). */
object Jpeg {
    const val APP1 = 0xE1
    private const val MARK = 0xFF
    private const val START = 0xD8
    private const val SCAN = 0xDA
    private const val APP0 = 0xE0
    private const val LARGEST_PAYLOAD = 0xFFFF - 2

    fun isJpeg(data: ByteArray): Boolean = data.size > 3 && data.byte(0) == MARK && data.byte(1) == START

    /** Segments up to the first scan; those after damage are left out. */
    fun segments(data: ByteArray): List<JpegSegment> {
        val found = mutableListOf<JpegSegment>()
        if (!isJpeg(data)) return found
        var at = 2
        while (at + 4 <= data.size && data.byte(at) == MARK && data.byte(at + 1) != SCAN) {
            val length = (data.byte(at + 2) shl 8) or data.byte(at + 3)
            if (length < 2 || at + 2 + length > data.size) break
            found += JpegSegment(data.byte(at + 1), data.copyOfRange(at + 4, at + 2 + length))
            at += 2 + length
        }
        return found
    }

    /** The same JPEG with a segment added after its start, and after JFIF's own. */
    fun withSegment(
        data: ByteArray,
        segment: JpegSegment,
    ): ByteArray {
        if (!isJpeg(data) || segment.payload.size > LARGEST_PAYLOAD) return data
        var at = 2
        if (data.size > 6 && data.byte(at) == MARK && data.byte(at + 1) == APP0) {
            at += 2 + ((data.byte(at + 2) shl 8) or data.byte(at + 3))
        }
        val length = segment.payload.size + 2
        val out = ByteArrayOutputStream(data.size + length + 2)
        out.write(data, 0, at)
        out.write(byteArrayOf(MARK.toByte(), segment.marker.toByte(), (length shr 8).toByte(), length.toByte()))
        out.write(segment.payload)
        out.write(data, at, data.size - at)
        return out.toByteArray()
    }
}

internal fun ByteArray.byte(at: Int): Int = this[at].toInt() and 0xFF
