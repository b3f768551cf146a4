"""Edge-preserving smoothing of a map, guided by the picture it belongs to (He, Sun and Tang 2010).

A defocus map is noisy where the picture is flat, since blur cannot be seen there, and should jump only where
the picture has an edge. Within each window the map is fitted by a line in the guide; the fits are then
averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def guided_filter(values: Array, guide: Array, radius_px: int, epsilon: float) -> Array:
    """Smooth ``values`` along the edges of ``guide`` (section 3.1).

    Args:
        values: (H, W), any range.
        guide: (H, W) in [0, 1].
        radius_px: half the side of the window.
        epsilon: variance of the guide below which a window counts as flat.

    Returns:
        (H, W), within the range of ``values`` but for the line's extrapolation.
    """
    mean_guide, mean_values = box_mean(guide, radius_px), box_mean(values, radius_px)
    variance = box_mean(guide * guide, radius_px) - mean_guide**2
    covariance = box_mean(guide * values, radius_px) - mean_guide * mean_values
    slope = covariance / (np.maximum(variance, 0.0) + epsilon)
    offset = mean_values - slope * mean_guide
    smooth = box_mean(slope, radius_px) * guide + box_mean(offset, radius_px)
    return smooth.astype(np.float32)


def box_mean(x: NDArray, radius_px: int) -> NDArray[np.float64]:
    """Mean over a square window, cut off at the border: (H, W) -> (H, W)."""
    result = x.astype(np.float64)
    for axis in (0, 1):
        size = x.shape[axis]
        sums = np.concatenate([np.zeros_like(result.take([0], axis)), result.cumsum(axis)], axis)
        low = np.maximum(np.arange(size) - radius_px, 0)
        high = np.minimum(np.arange(size) + radius_px + 1, size)
        counts = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        result = (sums.take(high, axis) - sums.take(low, axis)) / counts
    return result
