"""Colours of what cannot be seen: under no coverage a picture may hold anything, and a blur would spread it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def with_visible_colours(samples: NDArray, alpha: NDArray) -> NDArray:
    """The picture, its wholly transparent pixels in the colours of what is seen nearest to them.

    Args:
        samples: (H, W, 3) of whole numbers.
        alpha: (H, W) of whole numbers, 0 where nothing is seen.

    Returns:
        (H, W, 3) of the same type.
    """
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return samples
    weight = (~hidden).astype(np.float32)[..., None]
    filled = _filled(samples.astype(np.float32) * weight, weight)
    return np.where(hidden[..., None], np.rint(filled).astype(samples.dtype), samples)


def _filled(weighted: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours everywhere: means of what is seen in cells of 2, 4, 8, ... pixels, the smallest that hold any."""
    height, width = weight.shape[:2]
    if min(height, width) == 1 or weight.all():
        mean = weighted.sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight > 0, weighted / np.maximum(weight, 1e-6), mean)
    rows, columns = -(-height // 2) * 2, -(-width // 2) * 2
    padding = ((0, rows - height), (0, columns - width), (0, 0))
    halves = (
        np.pad(plane, padding).reshape(rows // 2, 2, columns // 2, 2, -1).sum((1, 3)) for plane in (weighted, weight)
    )
    coarse = _filled(*halves).repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(weight > 0, weighted / np.maximum(weight, 1e-6), coarse)
