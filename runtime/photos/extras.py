"""What belongs to a photograph beside pixels, EXIF and colour profile: resolution, comment, XMP, IPTC, colour chunks.

A caption and a rating stay. What described the photograph as it was does not: its depth, its gain map, its moving
part. Readers of the result would look for them, and not find them or find them wrong.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from runtime.photos import jpeg_stream
from runtime.photos.png_stream import SIGNATURE, chunk, chunks

COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"sBIT")
"""Of a PNG: what its numbers mean, where no ICC profile says so (PNG specification, section 11.3.2)."""
XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Before XMP in a PNG's iTXt chunk: keyword, not compressed, no language, no translation."""
STALE = (
    "{http://ns.google.com/photos/1.0/depthmap/}",
    "{http://ns.google.com/photos/1.0/image/}",
    "{http://ns.google.com/photos/1.0/camera/}",
    "{http://ns.google.com/photos/1.0/container/}",
    "{http://ns.google.com/photos/dd/1.0/",
    "{http://ns.adobe.com/hdr-gain-map/1.0/}",
    "{http://ns.apple.com/HDRGainMap/1.0/}",
    "{http://ns.adobe.com/xmp/note/}",
)
"""Namespaces of XMP that tell of depth, gain maps, moving parts and further blocks of XMP."""
JPEG_SEGMENT = 65_533
"""Bytes that fit in one segment of a JPEG, in which EXIF lies whole."""
PHOTOSHOP, RESOURCE = b"Photoshop 3.0\0", b"8BIM"
"""What a JPEG's APP13 segment begins with, and each block in it."""
IPTC = 0x0404
"""Number of the block with captions and keywords (IPTC-IIM); the others are Photoshop's, and of the picture before."""


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What is carried along."""

    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    """Of a JPEG."""
    xmp: bytes | None = None
    iptc: bytes | None = None
    """Captions and keywords as press agencies keep them, of a JPEG: the content of one block."""
    colour: tuple[tuple[bytes, bytes], ...] = ()
    """Kind and content of a PNG's colour chunks."""

    def for_pillow(self, format_: str) -> dict[str, Any]:
        """Arguments of Pillow's ``save``."""
        found: dict[str, Any] = {}
        if self.dpi is not None and format_ in ("JPEG", "PNG"):
            found["dpi"] = self.dpi
        if self.comment is not None and format_ == "JPEG":
            found["comment"] = self.comment
        if self.xmp is not None and format_ != "PNG" and (format_ != "JPEG" or len(self.xmp) < JPEG_SEGMENT - 29):
            found["xmp"] = self.xmp
        return found

    def within(self, content: bytes, format_: str) -> bytes:
        """An encoded file with what Pillow does not write."""
        return {"PNG": self.in_png, "JPEG": self.in_jpeg}.get(format_, lambda same: same)(content)

    def in_jpeg(self, content: bytes) -> bytes:
        """A JPEG file with the IPTC put in behind its other application segments."""
        if self.iptc is None:
            return content
        block = RESOURCE + struct.pack(">HHI", IPTC, 0, len(self.iptc)) + self.iptc + b"\0" * (len(self.iptc) % 2)
        payload = PHOTOSHOP + block
        if len(payload) > JPEG_SEGMENT:
            warnings.warn(f"IPTC of {len(self.iptc)} bytes does not fit in a JPEG, it is left out", stacklevel=3)
            return content
        at = len(jpeg_stream.START)
        for marker, data in jpeg_stream.segments(content):
            if marker not in jpeg_stream.APPLICATION:
                break
            at += 4 + len(data)
        segment = struct.pack(">BBH", 0xFF, jpeg_stream.APP13, len(payload) + 2) + payload
        return content[:at] + segment + content[at:]

    def in_png(self, content: bytes) -> bytes:
        """A PNG file with the colour chunks and the XMP put in behind its header."""
        added = [*self.colour]
        if self.xmp is not None:
            added.append((b"iTXt", XMP_KEYWORD + self.xmp))
        head = len(SIGNATURE) + 25
        return content[:head] + b"".join(chunk(kind, data) for kind, data in added) + content[head:]


NO_EXTRAS = Extras()


def read_extras(image: Image.Image, path: Path) -> Extras:
    """Of a picture that was opened; what cannot be read is left out."""
    dpi, comment, xmp = (image.info.get(name) for name in ("dpi", "comment", "xmp"))
    return Extras(
        dpi=dpi if _is_resolution(dpi) else None,
        comment=comment if isinstance(comment, bytes) and image.format in ("JPEG", "MPO") else None,
        xmp=current(xmp) if isinstance(xmp, bytes) else None,
        iptc=_iptc(image.info.get("photoshop")),
        colour=tuple(_colour_chunks(path)) if image.format == "PNG" else (),
    )


def current(xmp: bytes) -> bytes | None:
    """XMP without what the result has not; as it was where that is nothing, None where it cannot be read."""
    try:
        root = ElementTree.fromstring(xmp.strip(b"\0 \n\r\t"))
    except ElementTree.ParseError:
        warnings.warn("the photograph's XMP cannot be read, it is left out", stacklevel=3)
        return None
    changed = False
    for element in root.iter():
        for name in [name for name in element.attrib if name.startswith(STALE)]:
            del element.attrib[name]
            changed = True
        for child in [child for child in element if str(child.tag).startswith(STALE)]:
            element.remove(child)
            changed = True
    return ElementTree.tostring(root, encoding="utf-8") if changed else xmp


def fits_jpeg(block: bytes) -> bool:
    """Whether an EXIF block can be stored in a JPEG."""
    return len(block) + len(b"Exif\0\0") <= JPEG_SEGMENT


def _iptc(blocks: object) -> bytes | None:
    """Of the blocks that Pillow found in a JPEG."""
    found = blocks.get(IPTC) if isinstance(blocks, dict) else None
    return found if isinstance(found, bytes) and found else None


def _is_resolution(dpi: object) -> bool:
    return (
        isinstance(dpi, tuple)
        and len(dpi) == 2
        and all(isinstance(value, int | float) and 0 < value < 65_536 for value in dpi)
    )


def _colour_chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    for kind, data in chunks(path.read_bytes()):
        if kind in COLOUR_CHUNKS:
            yield kind, data
        if kind == b"IDAT":
            return
