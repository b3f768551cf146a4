package org.reblur.core.photos

import org.reblur.core.Planes
import org.w3c.dom.Element
import org.xml.sax.SAXException
import java.io.IOException
import java.nio.ByteBuffer
import java.util.Base64
import javax.xml.parsers.DocumentBuilderFactory
import javax.xml.parsers.ParserConfigurationException

/** Nearness (1, h, w) in [0, 1], 1 at the nearest, as the stored pixels lie; and how the photograph has it. */
class Depth(
    val disparity: Planes,
    val kind: String,
) {
    /** Turned as the photograph is. */
    fun upright(orientation: Orientation): Depth = Depth(orientation.upright(disparity), kind)
}

/**
 * Depth that phones' portrait modes write into a JPEG: GDepth (base64 in extended XMP) and Dynamic Depth (a picture behind
 * the photograph). Far is the larger number in both.
 *
 * @param decode grey levels (1, h, w) in [0, 1] of a PNG or JPEG; null where it is none.
 */
class EmbeddedDepth(
    private val decode: (ByteArray) -> Planes?,
) {
    /** Null where the photograph has none, or none that can be read. */
    fun of(jpeg: ByteArray): Depth? {
        val elements = xmpDocuments(jpeg).flatMap(::elementsOf)
        val facts = mutableMapOf<String, String>()
        for (element in elements) facts += factsOf(element)
        facts["${GDEPTH}Data"]?.let { data ->
            val picture =
                try {
                    Base64.getMimeDecoder().decode(data)
                } catch (_: IllegalArgumentException) {
                    return null
                }
            return depth(picture, facts, GDEPTH, "GDepth")
        }
        if ("${DYNAMIC_DEPTH}Format" !in facts) return null
        return item(jpeg, elements)?.let { depth(it, facts, DYNAMIC_DEPTH, "Dynamic Depth") }
    }

    private fun depth(
        picture: ByteArray,
        facts: Map<String, String>,
        prefix: String,
        kind: String,
    ): Depth? {
        val far = picture.takeIf { it.isNotEmpty() }?.let(decode) ?: return null
        val format = facts["${prefix}Format"] ?: INVERSE
        if (format == INVERSE) return Depth(far.map { 1f - it }, "$kind, $format")
        val nearest = facts["${prefix}Near"]?.toFloatOrNull()
        val farthest = facts["${prefix}Far"]?.toFloatOrNull()
        if (format != LINEAR || nearest == null || farthest == null || !(0f < nearest && nearest < farthest)) return null
        val scale = 1f / nearest - 1f / farthest
        val disparity = far.map { (1f / (nearest + it * (farthest - nearest)) - 1f / farthest) / scale }
        return Depth(disparity, "$kind, $format")
    }

    /** The main XMP, and the extended one put together of its pieces. */
    private fun xmpDocuments(jpeg: ByteArray): List<ByteArray> {
        val documents = mutableListOf<ByteArray>()
        val pieces = linkedMapOf<String, MutableMap<Int, ByteArray>>()
        for (segment in Jpeg.segments(jpeg)) {
            val payload = segment.payload
            if (segment.marker != Jpeg.APP1) continue
            if (payload.startsWith(XMP)) {
                documents += payload.copyOfRange(XMP.size, payload.size)
            } else if (payload.startsWith(EXTENSION) && payload.size > EXTENSION.size + GUID_BYTES + 8) {
                val head = EXTENSION.size + GUID_BYTES
                val guid = String(payload, EXTENSION.size, GUID_BYTES, Charsets.ISO_8859_1)
                val offset = ByteBuffer.wrap(payload).getInt(head + 4)
                pieces.getOrPut(guid) { sortedMapOf() }[offset] = payload.copyOfRange(head + 8, payload.size)
            }
        }
        return documents + pieces.values.map { it.values.fold(ByteArray(0), ByteArray::plus) }
    }

    private fun elementsOf(document: ByteArray): List<Element> =
        try {
            val factory = DocumentBuilderFactory.newInstance().apply { isNamespaceAware = true }
            val builder = factory.newDocumentBuilder().apply { setErrorHandler(null) }
            val nodes = builder.parse(document.inputStream()).getElementsByTagName("*")
            (0 until nodes.length).map { nodes.item(it) as Element }
        } catch (_: SAXException) {
            emptyList()
        } catch (_: IOException) {
            emptyList()
        } catch (_: ParserConfigurationException) {
            emptyList()
        }

    private fun factsOf(element: Element): Map<String, String> {
        val attributes = element.attributes
        val facts =
            (0 until attributes.length).associate { index ->
                val attribute = attributes.item(index)
                "${attribute.namespaceURI.orEmpty()}${attribute.localName.orEmpty()}" to attribute.nodeValue
            }
        val hasChildren = (0 until element.childNodes.length).any { element.childNodes.item(it) is Element }
        val text = if (hasChildren) "" else element.textContent.trim()
        return if (text.isEmpty()) facts else facts + ("${element.namespaceURI.orEmpty()}${element.localName}" to text)
    }

    /** What lies behind the photograph as its depth: lengths are counted from the file's end. */
    private fun item(
        jpeg: ByteArray,
        elements: List<Element>,
    ): ByteArray? {
        var end = jpeg.size
        val items =
            elements.flatMap { element ->
                ITEMS.filter { element.hasAttributeNS(it, "Semantic") }.map { space ->
                    element.getAttributeNS(space, "Semantic") to (element.getAttributeNS(space, "Length").toIntOrNull() ?: 0)
                }
            }
        for ((semantic, size) in items.reversed()) {
            if (semantic == "Depth" && size in 1..end) return jpeg.copyOfRange(end - size, end)
            end -= size
        }
        return null
    }

    private fun ByteArray.startsWith(prefix: ByteArray) = size >= prefix.size && prefix.indices.all { this[it] == prefix[it] }

    private companion object {
        val XMP = "http://ns.adobe.com/xap/1.0/\u0000".toByteArray()
        val EXTENSION = "http://ns.adobe.com/xmp/extension/\u0000".toByteArray()
        const val GUID_BYTES = 32
        const val GDEPTH = "http://ns.google.com/photos/1.0/depthmap/"
        const val DYNAMIC_DEPTH = "http://ns.google.com/photos/dd/1.0/depthmap/"
        val ITEMS =
            listOf("http://ns.google.com/photos/1.0/container/item/", "http://ns.google.com/photos/dd/1.0/item/")
        const val INVERSE = "RangeInverse"
        const val LINEAR = "RangeLinear"
    }
}
