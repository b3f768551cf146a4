package org.reblur.core.photos

import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * EXIF of a photograph that has been turned upright and, perhaps, made smaller.
 *
 * The block is changed in place, a number here and there, and never written anew: a camera's notes and odd tags stay as
 * they are, byte for byte.
 */
class Exif private constructor(
    private val block: ByteArray,
) {
    /** How the stored pixels lie. */
    val orientation: Orientation = Orientation.of(number(firstDirectory(), ORIENTATION)?.value ?: 1)

    /** The block for an upright picture of this size, without the thumbnail, which would show the old picture. */
    fun forUpright(
        height: Int,
        width: Int,
    ): JpegSegment {
        val changed = Exif(block.copyOf())
        val first = changed.firstDirectory()
        changed.write(first, ORIENTATION, 1)
        changed.write(first, IMAGE_WIDTH, width)
        changed.write(first, IMAGE_HEIGHT, height)
        changed.number(first, EXIF_DIRECTORY)?.let {
            changed.write(HEADER + it.value, PIXEL_WIDTH, width)
            changed.write(HEADER + it.value, PIXEL_HEIGHT, height)
        }
        changed.cutThumbnail(first)
        return JpegSegment(Jpeg.APP1, changed.block)
    }

    private class Number(
        val value: Int,
        val place: Int,
        val type: Int,
    )

    private fun buffer(): ByteBuffer {
        val little = block[HEADER] == 'I'.code.toByte()
        return ByteBuffer.wrap(block).order(if (little) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN)
    }

    private fun firstDirectory() = HEADER + buffer().getInt(HEADER + 4)

    private fun number(
        directory: Int,
        tag: Int,
    ): Number? {
        val buffer = buffer()
        if (directory !in 0..block.size - 2) return null
        val count = buffer.getShort(directory).toInt() and 0xFFFF
        for (entry in 0 until count) {
            val at = directory + 2 + ENTRY_BYTES * entry
            if (at + ENTRY_BYTES > block.size) return null
            if (buffer.getShort(at).toInt() and 0xFFFF != tag || buffer.getInt(at + 4) != 1) continue
            val type = buffer.getShort(at + 2).toInt()
            val value =
                when (type) {
                    SHORT -> buffer.getShort(at + 8).toInt() and 0xFFFF
                    LONG -> buffer.getInt(at + 8)
                    else -> return null
                }
            return Number(value, at + 8, type)
        }
        return null
    }

    private fun write(
        directory: Int,
        tag: Int,
        value: Int,
    ) {
        val number = number(directory, tag) ?: return
        if (number.type == LONG) {
            buffer().putInt(number.place, value)
        } else if (value <= 0xFFFF) {
            buffer().putShort(number.place, value.toShort())
        }
    }

    /** The first directory is made the last: the second one is the thumbnail's. */
    private fun cutThumbnail(first: Int) {
        if (first !in 0..block.size - 2) return
        val buffer = buffer()
        val next = first + 2 + ENTRY_BYTES * (buffer.getShort(first).toInt() and 0xFFFF)
        if (next + 4 <= block.size) buffer.putInt(next, 0)
    }

    companion object {
        private val PREFIX = "Exif\u0000\u0000".toByteArray()
        private const val HEADER = 6
        private const val ENTRY_BYTES = 12
        private const val SHORT = 3
        private const val LONG = 4
        private const val ORIENTATION = 0x0112
        private const val IMAGE_WIDTH = 0x0100
        private const val IMAGE_HEIGHT = 0x0101
        private const val EXIF_DIRECTORY = 0x8769
        private const val PIXEL_WIDTH = 0xA002
        private const val PIXEL_HEIGHT = 0xA003

        /** Of a JPEG; null where it has none that can be read. */
        fun of(jpeg: ByteArray): Exif? {
            val block =
                Jpeg.segments(jpeg).firstOrNull {
                    it.marker == Jpeg.APP1 && it.payload.size > HEADER + 8 &&
                        it.payload.copyOf(PREFIX.size).contentEquals(PREFIX)
                } ?: return null
            val order = String(block.payload, HEADER, 2, Charsets.ISO_8859_1)
            if (order != "II" && order != "MM") return null
            return try {
                Exif(block.payload)
            } catch (_: BufferUnderflowException) {
                null
            } catch (_: IndexOutOfBoundsException) {
                null
            }
        }
    }
}
