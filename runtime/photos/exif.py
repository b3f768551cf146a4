"""EXIF of a photograph that has been turned upright and, perhaps, resized."""

from __future__ import annotations

import struct
import warnings

from PIL import ExifTags, Image

_UNPARSABLE = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error)
"""What Pillow raises on malformed EXIF, depending on where the damage is."""


def read_upright(image: Image.Image) -> tuple[bytes | None, int]:
    """EXIF block of a picture with Orientation set to 1, and the Orientation (1 to 8) it had.

    The thumbnail is dropped, since it would go on showing the old picture. Malformed EXIF counts as none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Pillow's on malformed EXIF
            exif = image.getexif()
            if not exif:
                return None, 1
            orientation = exif.get(ExifTags.Base.Orientation, 1)
            if ExifTags.Base.Orientation in exif:
                exif[ExifTags.Base.Orientation] = 1
            return exif.tobytes(), orientation if orientation in range(1, 9) else 1
    except _UNPARSABLE:
        return None, 1


def with_size(block: bytes, width: int, height: int) -> bytes:
    """The EXIF block with those pixel dimensions, in every tag for them that it has."""
    exif = Image.Exif()
    exif.load(block)
    for directory, width_tag, height_tag in (
        (exif, ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength),
        (exif.get_ifd(ExifTags.IFD.Exif), ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight),
    ):
        if width_tag in directory:
            directory[width_tag] = width
        if height_tag in directory:
            directory[height_tag] = height
    return exif.tobytes()
