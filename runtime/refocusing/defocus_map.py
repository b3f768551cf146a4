"""From what the estimator says to a map that can be refocused by: spread along the picture's edges, at a quarter size.

An estimated map is noisy where the picture is flat, since blur cannot be seen there, and should jump only where the
picture has an edge. Within each window the map is fitted by a line in the luma (the fast guided filter: He and Sun
2015, on He, Sun and Tang 2010), each pixel counting as much as blur can be told there. Where a whole window is flat,
what surrounds it decides: the mean of a window several times as wide takes part, too, with a small weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.system.arrays import FloatArray

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
REDUCTION = 4
"""Lines are fitted on means of so many pixels by as many."""
RADIUS, LEAST_RADIUS = 1 / 24, 1
"""Half the side of a window, relative to the long side, and the least in reduced pixels."""
WIDER = 4
"""How many times as wide the window is that decides where the first is flat."""
WIDER_WEIGHT = 0.02
"""Confidence that its mean counts with at each place."""
EPSILON = 1e-2
"""Variance of luma below which a window counts as flat."""
FLAT_GRADIENT = 0.02
"""Gradient per pixel, about 5 of 255 code values, at which confidence is one half."""
CONFIDENCE_FLOOR = 1e-3
"""Where nothing near is textured, the flat values still count."""


def smooth_defocus(sigma_px: FloatArray, picture: FloatArray, sigma_max_px: float) -> tuple[FloatArray, FloatArray]:
    """Spread a map from where blur can be seen to where it cannot.

    Args:
        sigma_px: (h, w), estimated, in pixels.
        picture: (h, w, 3) sRGB in [0, 1].
        sigma_max_px: that the result is clipped to.

    Returns:
        (h, w) the map, in [0, sigma_max_px]; (ceil(h / REDUCTION), ceil(w / REDUCTION)) how far blur can be told,
        between ``CONFIDENCE_FLOOR`` and a little above 1.
    """
    luma = picture @ LUMA_WEIGHTS
    confidence = texture_confidence(luma)
    guide, values = block_mean(luma), block_mean(sigma_px)
    radius = max(LEAST_RADIUS, round(RADIUS * max(sigma_px.shape) / REDUCTION))
    around = box_mean(confidence * values, WIDER * radius) / box_mean(confidence, WIDER * radius)
    weights = confidence + WIDER_WEIGHT
    values = (confidence * values + WIDER_WEIGHT * around) / weights
    total = box_mean(weights, radius)

    def mean(x: NDArray) -> NDArray[np.float64]:
        return box_mean(weights * x, radius) / total

    mean_guide, mean_values = mean(guide), mean(values)
    variance = np.maximum(mean(guide * guide) - mean_guide**2, 0.0)
    slope = (mean(guide * values) - mean_guide * mean_values) / (variance + EPSILON)
    slope, offset = mean(slope), mean(mean_values - slope * mean_guide)
    smooth = enlarged(slope, luma.shape) * luma + enlarged(offset, luma.shape)
    return np.clip(smooth, 0.0, sigma_max_px).astype(np.float32), confidence


def texture_confidence(luma: FloatArray) -> FloatArray:
    """How far blur can be told in each block: near 1 on texture and edges, near 0 where the picture is flat.

    Args:
        luma: (h, w) in [0, 1].

    Returns:
        (h', w'): the mean squared gradient e of a block as e / (e + ``FLAT_GRADIENT`` ** 2) + ``CONFIDENCE_FLOOR``.
    """
    vertical, horizontal = np.zeros_like(luma), np.zeros_like(luma)
    vertical[1:-1], horizontal[:, 1:-1] = (luma[2:] - luma[:-2]) / 2.0, (luma[:, 2:] - luma[:, :-2]) / 2.0
    energy = block_mean(vertical**2 + horizontal**2)
    return (energy / (energy + FLAT_GRADIENT**2) + CONFIDENCE_FLOOR).astype(np.float32)


def block_mean(x: FloatArray, side: int = REDUCTION) -> FloatArray:
    """Means over blocks of ``side`` by ``side``; the last row and column are repeated to whole blocks."""
    rows, columns = (-size % side for size in x.shape)
    if rows or columns:
        x = np.pad(x, ((0, rows), (0, columns)), mode="edge")
    rows_summed = x.reshape(x.shape[0] // side, side, -1).sum(axis=1)
    # Column by column: NumPy is slow along an axis as short as a block.
    total = rows_summed[:, ::side].copy()
    for column in range(1, side):
        total += rows_summed[:, column::side]
    return total / np.float32(side**2)


def enlarged(x: NDArray, shape: tuple[int, ...]) -> FloatArray:
    """The reverse of ``block_mean``: bilinear between the blocks' middles, constant beyond the outermost; cropped."""
    result = x.astype(np.float32)
    for axis in (1, 0):
        size = x.shape[axis]
        at = np.clip((np.arange(shape[axis]) + 0.5) / REDUCTION - 0.5, 0.0, size - 1.0).astype(np.float32)
        low = np.minimum(at.astype(np.intp), max(size - 2, 0))
        high = np.minimum(low + 1, size - 1)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        below = result.take(low, axis)
        result = below + share * (result.take(high, axis) - below)
    return result


def box_mean(x: NDArray, radius: int) -> NDArray[np.float64]:
    """Mean over a square window, cut off at the border: (H, W) -> (H, W)."""
    result = x.astype(np.float64)
    for axis in (0, 1):
        size = x.shape[axis]
        sums = np.concatenate([np.zeros_like(result.take([0], axis)), result.cumsum(axis)], axis)
        low = np.maximum(np.arange(size) - radius, 0)
        high = np.minimum(np.arange(size) + radius + 1, size)
        counts = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        result = (sums.take(high, axis) - sums.take(low, axis)) / counts
    return result
