"""Whether the pixels of a PNG are all there and as they were written, which Pillow does not ask.

Pillow passes over the checksums of image data and fills what a broken stream does not reach with black.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples of a pixel."""
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Passes of interlacing: first column and row, steps across and down (PNG specification, section 8.2)."""


def fault_of(path: Path) -> str:
    """What is wrong with the image data of a PNG, in a few words; empty where nothing is."""
    inflate, found, expected = zlib.decompressobj(), 0, None
    try:
        for kind, data in chunks(path.read_bytes()):
            if kind == b"IHDR":
                expected = _image_bytes(data)
            elif kind == b"IDAT" and expected is not None:
                found += len(inflate.decompress(data, max(1, expected + 1 - found)))
    except (zlib.error, struct.error, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    if expected is None:
        return "it has no header"
    if found < expected:
        return f"{found} of {expected} bytes of its pixels are there"
    return "" if inflate.eof or found > expected else "the checksum of its pixels is missing"


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of the chunks up to the end.

    Raises:
        ValueError: one is cut short, or its checksum is wrong.
    """
    place = len(SIGNATURE)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        if len(data) < length or len(content) < place + 12 + length:
            raise ValueError("it is cut short")
        (checksum,) = struct.unpack_from(">I", content, place + 8 + length)
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT") and zlib.crc32(kind + data) != checksum:
            raise ValueError(f"the checksum of its {kind.decode()} data is wrong")
        yield kind, data
        if kind == b"IEND":
            return
        place += 12 + length
    raise ValueError("it is cut short")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk as it is written."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _image_bytes(header: bytes) -> int:
    """Length of the image data once inflated: a filter's number and the packed samples of each row."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS[colour]
    total = 0
    for column, row, across, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
