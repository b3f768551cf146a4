"""Pictures and maps at another size, whole or a part at a time."""

from __future__ import annotations

import numpy as np
from PIL import Image

from runtime.system.arrays import FloatArray

Part = tuple[slice, slice]
"""Rows and columns of a picture."""


def resize_map(values: FloatArray, height: int, width: int) -> FloatArray:
    """(H, W) of any range -> (height, width), by means."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def enlarged_part(values: FloatArray, size_px: tuple[int, int], part: Part) -> FloatArray:
    """A part of (h, w) or (h, w, C) as it is, bilinearly, at a larger size."""
    scales = [n / size for n, size in zip(values.shape, size_px, strict=False)]
    planes = [values] if values.ndim == 2 else list(values.transpose(2, 0, 1))
    # With some pixels around, so that only they are copied.
    near = tuple(
        slice(max(0, int(s.start * scale) - 2), int(s.stop * scale) + 3) for s, scale in zip(part, scales, strict=True)
    )
    (top, bottom), (left, right) = (
        (s.start * scale - n.start, s.stop * scale - n.start) for s, scale, n in zip(part, scales, near, strict=True)
    )
    size = (part[1].stop - part[1].start, part[0].stop - part[0].start)
    found = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane[near], np.float32)).resize(
                size, Image.Resampling.BILINEAR, box=(left, top, right, bottom)
            )
        )
        for plane in planes
    ]
    return found[0] if values.ndim == 2 else np.stack(found, axis=-1)
