"""Edge-preserving smoothing of a map, guided by the picture it belongs to (He, Sun and Tang 2010).

A defocus map is noisy where the picture is flat, since blur cannot be seen there, and should jump only where
the picture has an edge. Within each window the map is fitted by a line in the guide; the fits are then
averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.system.arrays import FloatArray

FLAT_GRADIENT = 0.02
"""Gradient per pixel, about 5 of 255 code values, at which confidence is one half."""
CONFIDENCE_RADIUS_PX = 2
"""Half the side of the window a gradient is felt in."""
CONFIDENCE_FLOOR = 1e-3
"""Where nothing near is textured, the flat values still count."""


def guided_filter(
    values: FloatArray, guide: FloatArray, weights: FloatArray, radius_px: int, epsilon: float
) -> FloatArray:
    """Smooth ``values`` along the edges of ``guide`` (section 3.1, with a weight for each pixel).

    Args:
        values: (H, W), any range.
        guide: (H, W) in [0, 1].
        weights: (H, W), above 0: how far each value is to be trusted. All equal gives the paper's filter.
        radius_px: half the side of the window.
        epsilon: variance of the guide below which a window counts as flat.

    Returns:
        (H, W), within the range of ``values`` but for the line's extrapolation.
    """
    total = box_mean(weights, radius_px)

    def mean(x: NDArray) -> NDArray[np.float64]:
        return box_mean(weights * x, radius_px) / total

    mean_guide, mean_values = mean(guide), mean(values)
    variance = mean(guide * guide) - mean_guide**2
    covariance = mean(guide * values) - mean_guide * mean_values
    slope = covariance / (np.maximum(variance, 0.0) + epsilon)
    offset = mean_values - slope * mean_guide
    smooth = mean(slope) * guide + mean(offset)
    return smooth.astype(np.float32)


def texture_confidence(guide: FloatArray) -> FloatArray:
    """How far blur can be told at each pixel: near 1 on texture and edges, near 0 where the picture is flat.

    Args:
        guide: (H, W) in [0, 1].

    Returns:
        (H, W) in [CONFIDENCE_FLOOR, 1 + CONFIDENCE_FLOOR]: the mean squared gradient over a small window, against
        the gradient of ``FLAT_GRADIENT``.
    """
    vertical, horizontal = np.gradient(guide)
    energy = box_mean(np.asarray(vertical**2 + horizontal**2), CONFIDENCE_RADIUS_PX)
    return (energy / (energy + FLAT_GRADIENT**2) + CONFIDENCE_FLOOR).astype(np.float32)


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
