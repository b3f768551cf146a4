"""Depth in a picture file beside the photograph: shades of grey, of inverse depth or of distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.photos.photo import Photo, Samples, read_photo
from runtime.refocusing.defaults import INVERSE
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

MAX_ASPECT_MISMATCH = 0.02
COLOURED = 0.05
"""Difference between channels, of 1, beyond which a pixel is coloured: JPEG's rounding stays far below."""
MOST_COLOURED = 0.01
"""Share of coloured pixels of what is still grey."""


def read_depth_file(path: Path, photo: Photo, unit: str) -> FloatArray:
    """Disparity from a picture file.

    Eight bits of inverse depth go from 0 to 255; sixteen from the least to the largest that are there, since cameras
    use a part of them only. Of distance, in any unit, 0 means that nothing was measured, and counts as far.

    Args:
        path: the file.
        photo: what it belongs to.
        unit: one of ``defaults.DEPTH_UNITS``.

    Returns:
        (h, w) in [0, 1], 1 is the nearest; of the file's own size.

    Raises:
        ReblurError: it cannot be read, is in colours, says nothing, or has not the photograph's proportions.
    """
    found = read_photo(path)
    (height, width), (own_height, own_width) = photo.size_px, found.size_px
    if abs(own_width * height / (own_height * width) - 1.0) > MAX_ASPECT_MISMATCH:
        raise ReblurError(
            f"{path} must have the proportions of the photograph, {width}x{height}, got {own_width}x{own_height}"
        )
    if _is_coloured(found.rgb):
        raise ReblurError(
            f"{path} is in colours, expected shades of grey: colours cannot be read back as depth, save the map itself"
        )
    plane = found.samples[..., 0]
    return _from_inverse(plane, path) if unit == INVERSE else _from_distance(plane, path)


def _from_inverse(plane: Samples, path: Path) -> FloatArray:
    if plane.dtype == np.uint8:
        return plane.astype(np.float32) / np.float32(255.0)
    return _stretched(plane.astype(np.float32), path)


def _from_distance(plane: Samples, path: Path) -> FloatArray:
    distance = plane.astype(np.float32)
    measured = distance > 0.0
    if not measured.any():
        raise ReblurError(f"{path} has no distance above 0: expected metres, or any multiple of them")
    farthest = distance[measured].max()
    distance[~measured] = farthest
    return _stretched(np.float32(1.0) / distance, path)


def _stretched(near: FloatArray, path: Path) -> FloatArray:
    low, high = float(near.min()), float(near.max())
    if not high > low:
        raise ReblurError(f"{path} is the same everywhere: expected a map of depth")
    return (near - np.float32(low)) / np.float32(high - low)


def _is_coloured(rgb: FloatArray) -> bool:
    return bool(np.mean(np.ptp(rgb, axis=2) > COLOURED) > MOST_COLOURED)
