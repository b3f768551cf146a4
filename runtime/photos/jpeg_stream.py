"""The segments of a JPEG before its picture: where EXIF, XMP and the size of the picture lie."""

from __future__ import annotations

from collections.abc import Iterator

START = b"\xff\xd8"
APP1, APP13, START_OF_SCAN = 0xE1, 0xED, 0xDA
APPLICATION = range(0xE0, 0xF0)
"""Markers of what is not part of the picture."""


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, payload) of each segment up to the picture, or up to where the bytes are none."""
    at = len(START)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != START_OF_SCAN:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length
