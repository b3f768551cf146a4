"""EXIF of a photograph that has been turned upright and, perhaps, resized.

The block is changed in place, a number here and there, and never written anew: what a camera put there stays as its
bytes were, odd tags, texts in any encoding and a maker's notes among them, and one tag that cannot be read costs that
tag alone. CIPA DC-008 and TIFF 6.0 are the formats.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import ExifTags, Image

PREFIX = b"Exif\0\0"
_ENDIAN = {b"II*\0": "<", b"MM\0*": ">"}
_NUMBERS = {1: "B", 3: "H", 4: "I"}
"""Type of a tag that holds whole numbers -> how ``struct`` reads one."""
_ENTRY_BYTES = 12
_THUMBNAIL = (0x0201, 0x0202)
"""Tags of the second directory: where the thumbnail begins, and how many bytes it has."""
_SIZES = ((ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength), (0xA002, 0xA003))
"""Tags for width and height: of the first directory, and of its part for EXIF."""


@dataclass(frozen=True)
class _Number:
    """A tag of one whole number, and where in the block that stands."""

    tag: int
    place: int
    format: str
    value: int


def read_upright(image: Image.Image) -> tuple[bytes | None, int]:
    """EXIF block of a picture with Orientation set to 1, and the Orientation (1 to 8) it had.

    The thumbnail is blanked, since it would go on showing the old picture. A block that is none counts as none, with a
    warning; an Orientation that is no number of 1 to 8 counts as 1.
    """
    raw = _raw_block(image)
    if raw is None:
        return None, 1
    block = bytearray(raw)
    try:
        endian, first = _header(block)
        numbers = {number.tag: number for number in _numbers(block, endian, first)}
        _drop_thumbnail(block, endian, first)
    except (struct.error, ValueError):
        warnings.warn("the photograph's EXIF cannot be read, it is left out", stacklevel=2)
        return None, 1
    number = numbers.get(ExifTags.Base.Orientation)
    if number is None:
        if _has_tag(block, endian, first, ExifTags.Base.Orientation):
            warnings.warn("the photograph's EXIF Orientation is no whole number, it is not applied", stacklevel=2)
        return bytes(block), 1
    struct.pack_into(number.format, block, number.place, 1)
    return bytes(block), number.value if number.value in range(1, 9) else 1


def with_size(block: bytes, width: int, height: int) -> bytes:
    """The EXIF block with those pixel dimensions, in every tag for them that it has as a whole number."""
    changed = bytearray(block)
    endian, first = _header(changed)
    numbers = {number.tag: number for number in _numbers(changed, endian, first)}
    directories = [numbers]
    if ExifTags.IFD.Exif in numbers:
        try:
            start = _start(changed) + numbers[ExifTags.IFD.Exif].value
            directories.append({number.tag: number for number in _numbers(changed, endian, start)})
        except (struct.error, ValueError):
            warnings.warn("part of the photograph's EXIF cannot be read, it stays as it is", stacklevel=2)
    for known, tags in zip(directories, _SIZES, strict=False):
        for tag, pixels in zip(tags, (width, height), strict=True):
            if tag in known and pixels < 2 ** (8 * struct.calcsize(known[tag].format)):
                struct.pack_into(known[tag].format, changed, known[tag].place, pixels)
    return bytes(changed)


def _raw_block(image: Image.Image) -> bytes | None:
    """The block as it is in the file; where a PNG has it as text, as Pillow reads that."""
    raw = image.info.get("exif")
    if isinstance(raw, bytes):
        return raw
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = image.getexif()
            return found.tobytes() if found else None
    except Exception:  # Pillow raises whatever its reading of the text leads to
        warnings.warn("the photograph's EXIF cannot be read, it is left out", stacklevel=3)
        return None


def _start(block: bytes | bytearray) -> int:
    """Where offsets count from."""
    return len(PREFIX) if block.startswith(PREFIX) else 0


def _header(block: bytes | bytearray) -> tuple[str, int]:
    """Byte order, and where the first directory stands.

    Raises:
        ValueError: it is no EXIF block.
    """
    start = _start(block)
    endian = _ENDIAN.get(bytes(block[start : start + 4]))
    if endian is None:
        raise ValueError("no TIFF header")
    return endian, start + struct.unpack_from(f"{endian}I", block, start + 4)[0]


def _entries(block: bytes | bytearray, endian: str, directory: int) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, count, place of the value) of each entry; raises struct.error where the directory is cut short."""
    (count,) = struct.unpack_from(f"{endian}H", block, directory)
    for index in range(count):
        place = directory + 2 + _ENTRY_BYTES * index
        tag, kind, values = struct.unpack_from(f"{endian}HHI", block, place)
        struct.unpack_from("4x", block, place + 8)
        yield tag, kind, values, place + 8


def _numbers(block: bytes | bytearray, endian: str, directory: int) -> Iterator[_Number]:
    """The entries that hold one whole number."""
    for tag, kind, values, place in _entries(block, endian, directory):
        if values == 1 and kind in _NUMBERS:
            format_ = f"{endian}{_NUMBERS[kind]}"
            yield _Number(tag, place, format_, struct.unpack_from(format_, block, place)[0])


def _has_tag(block: bytes | bytearray, endian: str, directory: int, wanted: int) -> bool:
    return any(tag == wanted for tag, *_ in _entries(block, endian, directory))


def _drop_thumbnail(block: bytearray, endian: str, first: int) -> None:
    """Unlink the second directory, and blank the picture that it names."""
    (count,) = struct.unpack_from(f"{endian}H", block, first)
    link = first + 2 + _ENTRY_BYTES * count
    try:
        (second,) = struct.unpack_from(f"{endian}I", block, link)
    except struct.error:  # some writers leave the link out
        return
    struct.pack_into(f"{endian}I", block, link, 0)
    if not second:
        return
    start = _start(block)
    try:
        numbers = {number.tag: number.value for number in _numbers(block, endian, start + second)}
    except struct.error:
        return
    begin, length = (numbers.get(tag, 0) for tag in _THUMBNAIL)
    if begin and length and start + begin + length <= len(block):
        block[start + begin : start + begin + length] = bytes(length)
