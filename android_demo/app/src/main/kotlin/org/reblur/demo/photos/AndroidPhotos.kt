package org.reblur.demo.photos

import android.content.ContentValues
import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import android.net.Uri
import android.os.Build
import android.os.Environment
import android.provider.MediaStore
import androidx.annotation.RequiresApi
import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.ReblurException
import org.reblur.core.photos.EmbeddedDepth
import org.reblur.core.photos.Exif
import org.reblur.core.photos.Jpeg
import org.reblur.core.photos.Orientation
import org.reblur.core.photos.UprightPixels
import org.reblur.core.photos.argbToPlanes
import org.reblur.core.photos.toArgb
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException

/** Photographs by Android's own decoders, the gallery by MediaStore. Colours are sRGB: the decoder converts. */
class AndroidPhotos(
    private val context: Context,
) : Photos {
    private val folder = File(context.cacheDir, "photo")

    override fun import(source: String): String {
        folder.mkdirs()
        val copy = File(folder, "current")
        val partial = File(folder, "partial")
        try {
            val input = context.contentResolver.openInputStream(Uri.parse(source)) ?: throw IOException("no such photograph")
            input.use { from -> partial.outputStream().use { from.copyTo(it) } }
            if (!partial.renameTo(copy)) throw IOException("no room for a copy")
        } catch (error: IOException) {
            partial.delete()
            throw ReblurException("The photograph cannot be read (${error.message}): choose it again.", error)
        } catch (error: SecurityException) {
            throw ReblurException("The photograph may not be read any more: choose it again.", error)
        }
        return copy.path
    }

    override fun open(path: String): OpenPhoto {
        val file = File(path)
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(path, bounds)
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) {
            throw ReblurException("This file is no photograph that Android can read, or it is damaged: choose another one.")
        }
        val (bitmap, reduced) = decode(path)
        val orientation = orientationOf(file)
        val pixels =
            UprightPixels(bitmap.height, bitmap.width, orientation) { part ->
                IntArray(part.height * part.width).also {
                    bitmap.getPixels(it, 0, part.width, part.left, part.top, part.width, part.height)
                }
            }
        val note =
            if (reduced == 1) {
                null
            } else {
                "Too little memory for ${bounds.outWidth} × ${bounds.outHeight} pixels: read at ${bitmap.width} × ${bitmap.height}."
            }
        val depth = EmbeddedDepth(::greyOf).of(file.readBytes())?.let { it.upright(orientation) }
        return OpenPhoto(pixels, depth, note, bitmap::recycle)
    }

    /** As large as memory allows: the picture, and by how much each side was divided. */
    private fun decode(path: String): Pair<Bitmap, Int> {
        for (reduction in listOf(1, 2, 4, 8)) {
            val options = BitmapFactory.Options().apply { inSampleSize = reduction }
            try {
                return BitmapFactory.decodeFile(path, options)?.let { it to reduction }
                    ?: throw ReblurException("The photograph is damaged: choose another one.")
            } catch (_: OutOfMemoryError) {
                continue
            }
        }
        throw ReblurException("There is too little memory for this photograph: close other apps, or choose a smaller one.")
    }

    private fun orientationOf(file: File): Orientation =
        try {
            val none = ExifInterface.ORIENTATION_NORMAL
            Orientation.of(ExifInterface(file.path).getAttributeInt(ExifInterface.TAG_ORIENTATION, none))
        } catch (_: IOException) {
            Orientation.UPRIGHT
        }

    private fun greyOf(encoded: ByteArray): Planes? {
        val bitmap = BitmapFactory.decodeByteArray(encoded, 0, encoded.size) ?: return null
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val planes = argbToPlanes(pixels, bitmap.height, bitmap.width)
        return Planes(1, planes.height, planes.width, planes.values.copyOf(planes.area))
    }

    override fun save(
        path: String,
        photo: OpenPhoto,
        target: String?,
        paint: (onPart: (Part, Planes) -> Unit) -> Unit,
    ): String {
        val jpeg =
            try {
                encode(path, photo, paint)
            } catch (error: OutOfMemoryError) {
                throw ReblurException("There is too little memory to save at this size: close other apps and try again.", error)
            }
        return try {
            if (target != null) write(Uri.parse(target), jpeg) else toGallery(jpeg)
        } catch (error: IOException) {
            throw ReblurException("The picture could not be saved (${error.message}): free some space and try again.", error)
        }
    }

    private fun encode(
        path: String,
        photo: OpenPhoto,
        paint: (onPart: (Part, Planes) -> Unit) -> Unit,
    ): ByteArray {
        val height = photo.pixels.height
        val width = photo.pixels.width
        val result = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        try {
            paint { part, picture ->
                result.setPixels(picture.toArgb(), 0, part.width, part.left, part.top, part.width, part.height)
            }
            val out = ByteArrayOutputStream()
            result.compress(Bitmap.CompressFormat.JPEG, JPEG_QUALITY, out)
            val exif = Exif.of(File(path).readBytes())
            return exif?.let { Jpeg.withSegment(out.toByteArray(), it.forUpright(height, width)) } ?: out.toByteArray()
        } finally {
            result.recycle()
        }
    }

    private fun toGallery(jpeg: ByteArray): String {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) {
            throw ReblurException("On this version of Android a place to save to has to be chosen: tap save again.")
        }
        return toGalleryByMediaStore(jpeg)
    }

    @RequiresApi(Build.VERSION_CODES.Q)
    private fun toGalleryByMediaStore(jpeg: ByteArray): String {
        val about =
            ContentValues().apply {
                put(MediaStore.Images.Media.DISPLAY_NAME, "refocused-${System.currentTimeMillis()}.jpg")
                put(MediaStore.Images.Media.MIME_TYPE, MIME_TYPE)
                put(MediaStore.Images.Media.RELATIVE_PATH, "${Environment.DIRECTORY_PICTURES}/Reblur")
                put(MediaStore.Images.Media.IS_PENDING, 1)
            }
        val resolver = context.contentResolver
        val uri =
            resolver.insert(MediaStore.Images.Media.getContentUri(MediaStore.VOLUME_EXTERNAL_PRIMARY), about)
                ?: throw IOException("the gallery takes no picture")
        try {
            write(uri, jpeg)
        } catch (error: IOException) {
            resolver.delete(uri, null, null)
            throw error
        }
        resolver.update(uri, ContentValues().apply { put(MediaStore.Images.Media.IS_PENDING, 0) }, null, null)
        return uri.toString()
    }

    private fun write(
        uri: Uri,
        jpeg: ByteArray,
    ): String {
        val out = context.contentResolver.openOutputStream(uri) ?: throw IOException("it cannot be written to")
        out.use { it.write(jpeg) }
        return uri.toString()
    }

    private companion object {
        const val JPEG_QUALITY = 95
        const val MIME_TYPE = "image/jpeg"
    }
}
