"""Damaged PNG: whatever byte of the image data is wrong or missing, nothing passes for a whole picture."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.photos.photo import read_photo
from runtime.photos.png16 import encode
from runtime.photos.png_stream import SIGNATURE, fault_of

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (48, 40, 4), dtype=np.uint8)


def png(mode: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS, "RGBA").convert(mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def with_crc(content: bytes) -> bytes:
    """The file with its checksums made right again, so that the stream alone tells."""
    place, made = len(SIGNATURE), [SIGNATURE]
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        body = content[place + 4 : place + 8 + length]
        made.append(content[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join(made)


KINDS = {mode: png(mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1")} | {
    "16 bit": encode(RNG.integers(0, 65536, (48, 40, 3), dtype=np.uint16)),
    "small chunks": png("RGB", compress_level=0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_is_whole(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(KINDS[kind])
    assert fault_of(tmp_path / "a.png") == ""
    assert read_photo(tmp_path / "a.png").rgb.shape == (48, 40, 3)


@pytest.mark.parametrize("checksums", ["wrong", "right"])
@pytest.mark.parametrize("kind", ["RGB", "L", "16 bit"])
def test_one_wrong_byte_anywhere_in_the_pixels_is_noticed(kind: str, checksums: str, tmp_path: Path) -> None:
    content = KINDS[kind]
    first, last = content.index(b"IDAT") + 4, content.rindex(b"IEND") - 8
    for place in np.linspace(first, last - 1, 40).astype(int):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        (tmp_path / "a.png").write_bytes(with_crc(bytes(damaged)) if checksums == "right" else bytes(damaged))
        with pytest.raises(ValueError, match="is damaged or cut short"):
            read_photo(tmp_path / "a.png")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_cut_picture_is_noticed(share: float, tmp_path: Path) -> None:
    content = KINDS["RGB"]
    (tmp_path / "a.png").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"damaged|cut short|neither"):
        read_photo(tmp_path / "a.png")


def test_an_interlaced_picture_has_seven_passes(tmp_path: Path) -> None:
    """5x3 pixels of eight bits, pass by pass: the specification's own table."""
    header = struct.pack(">IIBBBBB", 5, 3, 8, 0, 0, 0, 1)
    rows = [(1, 1), (1, 1), (0, 0), (1, 1), (3, 1), (2, 2), (5, 1)]
    data = b"".join((b"\0" + bytes(columns)) * count for columns, count in rows if columns)

    def file(stream: bytes) -> bytes:
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(stream)), (b"IEND", b""))
        return SIGNATURE + b"".join(
            struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
            for kind, part in chunks
        )

    (tmp_path / "a.png").write_bytes(file(data))
    Image.open(tmp_path / "a.png").load()
    assert fault_of(tmp_path / "a.png") == ""
    (tmp_path / "a.png").write_bytes(file(data[:-1]))
    assert "bytes of its pixels are there" in fault_of(tmp_path / "a.png")
