"""Captions and keywords as press agencies keep them: IPTC, in a JPEG's APP13."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, IptcImagePlugin

from runtime.photos.photo import read_photo, write_photo

CAPTION = "Grüße aus Genf".encode()
KEYWORDS = (b"portrait", b"evening")
THUMBNAIL = (0x040C, b"a small picture of how it was before")


def block(number: int, content: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + b"\0" * (len(content) % 2)


def iptc(caption: bytes = CAPTION) -> bytes:
    records = [(120, caption), *((25, word) for word in KEYWORDS)]
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in records)


def jpeg(path: Path, *blocks: bytes) -> Path:
    """A photograph with such blocks in one segment behind its first."""
    buffer = io.BytesIO()
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(picture).save(buffer, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    content = buffer.getvalue()
    payload = b"Photoshop 3.0\0" + b"".join(blocks)
    path.write_bytes(content[:2] + struct.pack(">BBH", 0xFF, 0xED, len(payload) + 2) + payload + content[2:])
    return path


def found(path: Path) -> dict[tuple[int, int], bytes | list[bytes]]:
    with Image.open(path) as image:
        image.load()
        return IptcImagePlugin.getiptcinfo(image) or {}


def test_captions_and_keywords_are_kept_and_the_thumbnail_of_before_is_not(tmp_path: Path) -> None:
    photo = read_photo(jpeg(tmp_path / "photo.jpg", block(*THUMBNAIL), block(0x0404, iptc())))
    write_photo(tmp_path / "out.jpg", photo.samples, like=photo)
    told = found(tmp_path / "out.jpg")
    assert told[2, 120] == CAPTION
    assert told[2, 25] == list(KEYWORDS)
    assert THUMBNAIL[1] not in (tmp_path / "out.jpg").read_bytes()
    again = read_photo(tmp_path / "out.jpg")
    assert again.size_px == photo.size_px
    assert again.exif == photo.exif


def test_other_formats_have_no_place_for_it(tmp_path: Path) -> None:
    photo = read_photo(jpeg(tmp_path / "photo.jpg", block(0x0404, iptc())))
    for name in ("out.png", "out.webp"):
        write_photo(tmp_path / name, photo.samples, like=photo)
        assert read_photo(tmp_path / name).extras.iptc is None


def test_what_does_not_fit_is_left_out_with_a_warning(tmp_path: Path) -> None:
    first = jpeg(tmp_path / "photo.jpg", block(0x0404, iptc(b"x" * 32_000)))
    photo = read_photo(first)
    assert photo.extras.iptc is not None
    large = type(photo.extras)(iptc=photo.extras.iptc * 3)
    with pytest.warns(UserWarning, match="does not fit in a JPEG"):
        content = large.in_jpeg(first.read_bytes())
    assert content == first.read_bytes()


def test_damaged_blocks_cost_themselves_alone(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "photo.jpg", b"8BIM\x04\x04\0\0\xff\xff\xff\xff??")
    photo = read_photo(path)
    write_photo(tmp_path / "out.jpg", photo.samples, like=photo)
    assert read_photo(tmp_path / "out.jpg").size_px == (48, 64)
