"""EXIF that other software wrote: odd tags cost themselves alone, and bytes stay as they are."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Mapping

import pytest
from PIL import ExifTags, Image

from runtime.photos import exif

TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 77: 1}
"""TIFF's types, one that is none among them -> bytes of a value."""
ORIENTATION, MAKE, X_RESOLUTION, SOFTWARE, ARTIST = 274, 271, 282, 305, 315
Tag = tuple[int, int, bytes]
"""Type, count, and the bytes of the values."""


def block(tags: Mapping[int, Tag], endian: str = "<", thumbnail: bytes = b"") -> bytes:
    """An EXIF block with one directory, and one for a thumbnail where there is one."""
    header = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(f"{endian}I", 8)
    end = 8 + 2 + 12 * len(tags) + 4
    entries, data = b"", b""
    for tag, (kind, count, value) in sorted(tags.items()):
        if len(value) <= 4:
            entries += struct.pack(f"{endian}HHI", tag, kind, count) + value.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{endian}HHII", tag, kind, count, end + len(data))
            data += value
    second = struct.pack(f"{endian}I", end + len(data) if thumbnail else 0)
    if thumbnail:
        place = end + len(data) + 2 + 24 + 4
        data += struct.pack(f"{endian}HHHII", 2, 0x0201, 4, 1, place)
        data += struct.pack(f"{endian}HHII", 0x0202, 4, 1, len(thumbnail)) + bytes(4) + thumbnail
    return exif.PREFIX + header + struct.pack(f"{endian}H", len(tags)) + entries + second + data


def picture(raw: bytes) -> Image.Image:
    """As Pillow has it after opening a file with that block."""
    image = Image.new("RGB", (40, 40))
    image.info["exif"] = raw
    return image


def short(value: int, endian: str = "<") -> Tag:
    return 3, 1, struct.pack(f"{endian}H", value)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("tag", [MAKE, X_RESOLUTION, SOFTWARE, ARTIST, 306, 34665, 34853, 0x9286])
def test_a_tag_of_any_type_leaves_the_orientation_and_the_rest_as_they_are(tag: int, kind: int) -> None:
    raw = block({ORIENTATION: short(6), tag: (kind, 3, bytes(range(1, 1 + 3 * TYPES[kind])))})
    found, orientation = exif.read_upright(picture(raw))
    assert orientation == 6
    assert found == block({ORIENTATION: short(1), tag: (kind, 3, bytes(range(1, 1 + 3 * TYPES[kind])))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(exif.with_size(found, 10, 20)) == len(raw)


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(1, "B"), (3, "H"), (4, "I")])
def test_an_orientation_of_any_whole_type_is_applied(endian: str, kind: int, code: str) -> None:
    raw = block({ORIENTATION: (kind, 1, struct.pack(f"{endian}{code}", 8))}, endian)
    found, orientation = exif.read_upright(picture(raw))
    assert orientation == 8
    assert found == block({ORIENTATION: (kind, 1, struct.pack(f"{endian}{code}", 1))}, endian)


def test_an_orientation_that_is_no_number_costs_that_tag_alone() -> None:
    raw = block({ORIENTATION: (2, 2, b"6\0"), ARTIST: (2, 6, b"name\0\0")})
    with pytest.warns(UserWarning, match="Orientation is no whole number, it is not applied"):
        assert exif.read_upright(picture(raw)) == (raw, 1)


def test_texts_keep_their_bytes() -> None:
    for text in ("Zo\u00eb \u6b63".encode(), "Zo\u00eb".encode("latin-1"), b"\xff\xfe\x00"):
        raw = block({ORIENTATION: short(3), ARTIST: (2, len(text) + 1, text + b"\0")})
        found, _ = exif.read_upright(picture(raw))
        assert found is not None
        assert text in found


def test_the_thumbnail_is_gone() -> None:
    raw = block({ORIENTATION: short(6)}, thumbnail=b"\xff\xd8old picture\xff\xd9")
    found, _ = exif.read_upright(picture(raw))
    assert found is not None
    assert b"old picture" not in found
    assert ExifTags.IFD.IFD1 not in _read(found)
    assert _read(found)[ORIENTATION] == 1


def test_the_size_is_updated_where_it_is_told() -> None:
    raw = block({256: (4, 1, struct.pack("<I", 4000)), 257: short(3000), ORIENTATION: short(1)})
    found = _read(exif.with_size(raw, 640, 480))
    assert (found[256], found[257]) == (640, 480)


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_a_block_that_is_cut_anywhere_is_read_or_left_out(length: int) -> None:
    raw = block({ORIENTATION: short(6), SOFTWARE: (5, 1, bytes(8))})[:length]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, orientation = exif.read_upright(picture(raw))
        assert found is None or orientation in (1, 6)
        if found:
            with contextlib.suppress(struct.error):
                exif.with_size(found, 10, 10)


def _read(raw: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(raw)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=raw)
    return found
