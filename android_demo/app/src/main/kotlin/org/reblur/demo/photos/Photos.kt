package org.reblur.demo.photos

import org.reblur.core.Part
import org.reblur.core.Planes
import org.reblur.core.photos.Depth
import org.reblur.core.refocusing.PhotoPixels

/** Where photographs come from and go to. */
interface Photos {
    /** Copy a photograph into the app's own folder, so that it is there whatever happens to [source]; the copy's path. */
    fun import(source: String): String

    /** Decode the copy. */
    fun open(path: String): OpenPhoto

    /**
     * Write a photograph of the size of [photo] to the gallery, or to [target] where one was chosen; with its EXIF.
     *
     * @param paint hands over the picture part by part.
     * @return where it is now.
     */
    fun save(
        path: String,
        photo: OpenPhoto,
        target: String?,
        paint: (onPart: (Part, Planes) -> Unit) -> Unit,
    ): String
}

/** A photograph in memory, upright. */
class OpenPhoto(
    val pixels: PhotoPixels,
    val depth: Depth?,
    /** One sentence, where it had to be read at less than its own size. */
    val note: String?,
    private val release: () -> Unit,
) : AutoCloseable {
    override fun close() = release()
}
