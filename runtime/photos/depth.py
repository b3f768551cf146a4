"""Depth that a photograph carries, as portrait modes of phones write it into a JPEG.

* **GDepth** (Google, 2014): a picture in base64 in the extended XMP, with its format, near and far.
* **Dynamic Depth** (2018): the picture lies behind the photograph in the same file; XMP lists what lies there, and how
  long each is, and says format, near and far.

Either has far as the larger number: RangeInverse is even in 1 / distance, RangeLinear in distance.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image, UnidentifiedImageError

from runtime.photos.jpeg_stream import APP1, START, segments
from runtime.system.arrays import FloatArray

XMP, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
GDEPTH = "{http://ns.google.com/photos/1.0/depthmap/}"
DYNAMIC_DEPTH = "{http://ns.google.com/photos/dd/1.0/depthmap/}"
ITEMS = ("{http://ns.google.com/photos/1.0/container/item/}", "{http://ns.google.com/photos/dd/1.0/item/}")
GUID_BYTES = 32
INVERSE_Z, DISPARITY = 0, 1
"""Of a HEIC picture: inverse distance, and disparity, both even and large when near (H.265 table D.13)."""
INVERSE, LINEAR = "RangeInverse", "RangeLinear"


@dataclass(frozen=True, kw_only=True, eq=False)
class Depth:
    """A map of nearness."""

    disparity: FloatArray
    """(h, w) in [0, 1]: even in 1 / distance, 1 at the nearest."""
    kind: str
    """How the photograph has it, for people."""


def depth_of(image: Image.Image, path: Path) -> Depth | None:
    """The depth that a picture just opened carries, lying as its stored pixels do; None where it has none."""
    if image.format in ("JPEG", "MPO"):
        return embedded_depth(path)
    if image.format == "HEIF":
        return heif_depth(image.info.get("depth_images") or [])
    return None


def heif_depth(pictures: Sequence[Any]) -> Depth | None:
    """Of a HEIC picture's auxiliary depth images the first; phones write disparity, with the near end bright.

    Its numbers go from the least to the largest that are there. ISO/IEC 23008-12 lets the end be told in a depth
    representation message, which libheif hands on: of "uniform Z" large is far.
    """
    if not pictures:
        return None
    plane = np.asarray(pictures[0].to_pillow()).astype(np.float32)
    plane = plane if plane.ndim == 2 else plane[..., 0]
    kind = (pictures[0].info.get("metadata") or {}).get("representation_type", DISPARITY)
    near = plane if kind in (INVERSE_Z, DISPARITY) else -plane
    low, high = float(near.min()), float(near.max())
    if not high > low:
        return None
    return Depth(disparity=(near - np.float32(low)) / np.float32(high - low), kind="HEIC auxiliary depth")


def embedded_depth(path: Path) -> Depth | None:
    """The depth that a JPEG carries, lying as its stored pixels do; None where it has none that can be read.

    A map that is there and cannot be read is told by a warning.
    """
    data = path.read_bytes()
    if not data.startswith(START):
        return None
    facts: dict[str, str] = {}
    try:
        elements = [e for document in _xmp_documents(data) for e in ElementTree.fromstring(document).iter()]
        for element in elements:
            facts |= {name: value for name, value in element.attrib.items() if value}
            if element.text and element.text.strip():
                facts.setdefault(element.tag, element.text.strip())
        if GDEPTH + "Data" in facts:
            picture = base64.b64decode(facts[GDEPTH + "Data"])
            return _depth(picture, facts, GDEPTH, "GDepth")
        if DYNAMIC_DEPTH + "Format" in facts and (picture := _item(data, elements, "Depth")):
            return _depth(picture, facts, DYNAMIC_DEPTH, "Dynamic Depth")
    except (ElementTree.ParseError, binascii.Error, UnidentifiedImageError, OSError, ValueError, KeyError) as error:
        warnings.warn(f"the depth that {path} carries cannot be read ({error}), it is not used", stacklevel=2)
    return None


def _depth(picture: bytes, facts: dict[str, str], prefix: str, kind: str) -> Depth:
    with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG")) as image:
        whole = np.asarray(image)
    largest = 65535.0 if whole.dtype == np.uint16 or whole.dtype == np.int32 else 255.0
    far = (whole if whole.ndim == 2 else whole[..., 0]).astype(np.float32) / np.float32(largest)
    format_ = facts.get(prefix + "Format", INVERSE)
    if format_ == INVERSE:
        return Depth(disparity=1.0 - far, kind=f"{kind}, {format_}")
    if format_ != LINEAR:
        raise ValueError(f"its format is {format_}, known are {INVERSE} and {LINEAR}")
    nearest, farthest = (float(facts[prefix + name]) for name in ("Near", "Far"))
    if not 0.0 < nearest < farthest:
        raise ValueError(f"it says near {nearest:g} and far {farthest:g}")
    inverse = 1.0 / (nearest + far * (farthest - nearest))
    scale = 1.0 / nearest - 1.0 / farthest
    return Depth(disparity=((inverse - 1.0 / farthest) / scale).astype(np.float32), kind=f"{kind}, {format_}")


def _xmp_documents(data: bytes) -> Iterator[bytes]:
    """The main XMP, and the extended one put together of its pieces."""
    pieces: dict[bytes, dict[int, bytes]] = {}
    for payload in (payload for marker, payload in segments(data) if marker == APP1):
        if payload.startswith(XMP):
            yield payload[len(XMP) :]
        elif payload.startswith(EXTENSION):
            head = len(EXTENSION) + GUID_BYTES
            guid = payload[len(EXTENSION) : head]
            _length, offset = struct.unpack(">II", payload[head : head + 8])
            pieces.setdefault(guid, {})[offset] = payload[head + 8 :]
    for found in pieces.values():
        yield b"".join(found[offset] for offset in sorted(found))


def _item(data: bytes, elements: Sequence[ElementTree.Element], semantic: str) -> bytes:
    """What lies behind the picture under a name: lengths are counted from the file's end."""
    names = [(prefix + "Semantic", prefix + "Length") for prefix in ITEMS]
    items: list[tuple[str, int]] = []
    for element in elements:
        for name, length in names:
            if name in element.attrib:
                items.append((element.attrib[name], int(element.attrib.get(length) or 0)))
    end = len(data)
    for found, size in reversed(items):
        if found == semantic and 0 < size <= end:
            return data[end - size : end]
        end -= size
    return b""
