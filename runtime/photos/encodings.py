"""The picture formats that photographs are read from and written to, by extension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import features

from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a format is written."""

    format: str
    """Pillow's name."""
    alpha: bool = True
    """Whether it has transparency."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of Pillow's ``save``."""


_JPEG = Encoding(format="JPEG", alpha=False, options={"quality": 95, "subsampling": 0})
_HEIF = Encoding(format="HEIF", options={"quality": 90, "chroma": 444})
ENCODINGS: dict[str, Encoding] = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": Encoding(format="PNG"),
    ".webp": Encoding(format="WEBP", options={"quality": 92, "method": 4}),
    ".avif": Encoding(format="AVIF", options={"quality": 90, "subsampling": "4:4:4"}),
    ".heic": _HEIF,
    ".heif": _HEIF,
}
"""Extension -> what is written. Quality is where the difference to the picture can no longer be seen at full size."""
READABLE = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
"""Pillow's names of what is read."""
NAMES = "JPEG, PNG, WebP, AVIF or HEIC"
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
"""What stands at byte 8 of a file of that family (ISO/IEC 23008-12)."""


def encoding_of(path: Path) -> Encoding:
    """How to write a file of that name.

    Raises:
        ReblurError: no known extension, or what writes it is not installed.
    """
    encoding = ENCODINGS.get(path.suffix.lower())
    if encoding is None:
        raise ReblurError(f"cannot tell the format of {path}: expected a name ending in {', '.join(ENCODINGS)}")
    if encoding.format == "HEIF" and not with_heif():
        raise ReblurError(f"cannot write {path}: HEIC needs pillow-heif, pip install 'reblur[heif]'; or write .jpg")
    if encoding.format == "AVIF" and not features.check("avif"):
        raise ReblurError(f"cannot write {path}: this Pillow has no AVIF, install 11.3 or later; or write .jpg")
    return encoding


@cache
def with_heif() -> bool:
    """Let Pillow read and write HEIC, where pillow-heif is installed; whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def looks_like_heif(path: Path) -> bool:
    """Whether a file begins as a HEIC picture does."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS
