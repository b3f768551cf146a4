"""PNG with 16 bits a sample, which Pillow opens as 8 bits (all but grey) and cannot write in colour.

Reading stays with Pillow's decoder, which knows every filter and interlacing: it is told to hand over the low
bytes, then the high bytes. Writing is a few lines of zlib.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime.photos.png_stream import SIGNATURE, chunk

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's code for each number of channels: grey, grey + alpha, RGB, RGBA."""
_FILTER_UP = 2
"""Each byte as its difference to the one above."""


def is_16_bit(image: Image.Image) -> bool:
    """Whether a picture just opened, and not yet loaded, is a PNG with 16 bits a sample."""
    return image.format == "PNG" and any("16" in str(mode) for mode in _raw_modes(image))


def read_samples(path: Path) -> NDArray[np.uint16]:
    """Every sample of a 16-bit PNG: (H, W, C) with C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA."""
    with Image.open(path, formats=("PNG",)) as image:
        raw_mode = _raw_modes(image)[0]
    if raw_mode.startswith("I"):
        with Image.open(path, formats=("PNG",)) as image:
            return np.asarray(image).astype(np.uint16)[..., None]
    if raw_mode.startswith("LA"):
        grey_high, grey_low, alpha_high, alpha_low = np.moveaxis(_decode_as(path, "RGBA"), -1, 0)
        high, low = np.stack([grey_high, alpha_high], -1), np.stack([grey_low, alpha_low], -1)
    else:
        high, low = _decode_as(path, raw_mode), _decode_as(path, raw_mode.replace("16B", "16L"))
    return (high.astype(np.uint16) << 8) | low


def encode(samples: NDArray[np.uint16], exif: bytes | None = None, icc_profile: bytes | None = None) -> bytes:
    """A PNG file of 16 bits a sample.

    Args:
        samples: (H, W, C), C from 1 to 4 as in ``read_samples``.
        exif: the EXIF block, with or without its "Exif" prefix.
        icc_profile: the ICC profile.
    """
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [chunk(b"IHDR", header)]
    if icc_profile:
        chunks.append(chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)))
    if exif:
        chunks.append(chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    rows = np.ascontiguousarray(samples.astype(">u2")).view(np.uint8).reshape(height, -1)
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.concatenate([np.full((height, 1), _FILTER_UP, np.uint8), rows - above], axis=1)
    chunks.append(chunk(b"IDAT", zlib.compress(filtered.tobytes())))
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def _raw_modes(image: Image.Image) -> list[str]:
    """How Pillow would unpack the file's samples, such as "RGB;16B"."""
    return [str(tile[3]) for tile in getattr(image, "tile", [])]


def _decode_as(path: Path, raw_mode: str) -> NDArray[np.uint8]:
    with Image.open(path, formats=("PNG",)) as image:
        image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
        return np.asarray(image)
