"""The exact answers that golden cases are judged by beside the float model's: what a perfect graph would say.

For deblurring that is the picture that was blurred on purpose, for refocusing the exact two-dimensional gather in
float64, at the pixels that the golden files keep. A gather at one pixel of 81 is quick even with thousands of taps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runtime.system.arrays import FloatArray
from train.optics.light import decode, encode
from train.optics.spatially_varying_blur import support_radius_px

Float64 = NDArray[np.float64]
LEAST = 1e-6
"""Twice the variance of no blur: neighbours have no weight at all."""
ENOUGH = 8.6
"""Sigmas beyond which a weight is lost in the rounding of the middle's."""


def exact_blur(light: Float64, sigma_px: Float64, stride_px: int) -> Float64:
    """``train.optics.spatially_varying_blur`` with a Gaussian, in float64, at few pixels, and mirrored at the edges.

    Args:
        light: (1, C, H, W), any range; mirrored at its edges.
        sigma_px: (1, 1, H, W), pixels, 0 or more.
        stride_px: every such pixel of every such row is answered, from the first of each.

    Returns:
        (1, C, h, w).
    """
    height, width = light.shape[2:]
    radius = support_radius_px("gaussian", float(sigma_px.max()))
    padded = np.pad(light, ((0, 0), (0, 0), (radius, radius), (radius, radius)), mode="symmetric")[0]
    rows, columns = range(0, height, stride_px), range(0, width, stride_px)
    result = np.empty((1, light.shape[1], len(rows), len(columns)))
    kernel, of_sigma, reach = np.zeros(0), -1.0, 0
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            sigma = float(sigma_px[0, 0, y, x])
            if sigma != of_sigma:
                of_sigma, reach = sigma, min(radius, math.ceil(ENOUGH * sigma))
                kernel = _kernel(sigma, reach, radius)
            top, left = y + radius - reach, x + radius - reach
            window = padded[:, top : top + 2 * reach + 1, left : left + 2 * reach + 1]
            result[0, :, i, j] = np.tensordot(window, kernel, 2)
    return result


def _kernel(sigma: float, reach: int, radius: int) -> Float64:
    """Weights of sum 1 of a Gaussian within a disc of ``radius``, as far as ``reach`` on each side."""
    squared = np.arange(-reach, reach + 1) ** 2
    # Of no sigma the middle alone is left, whose exponent is 0 in any case.
    line = np.exp(-squared / max(2.0 * sigma * sigma, LEAST))
    kernel = np.outer(line, line) * (squared[:, None] + squared <= radius * radius)
    return kernel / kernel.sum()


def exact_refocus(sharp: FloatArray, target_sigma_px: FloatArray, stride_px: int) -> FloatArray:
    """What ``export.graphs.multiscale_blur`` approximates: the exact blur in light (sRGB's curve taken as a square).

    A sigma below the smallest that the op renders is taken as it is, 0 as no blur at all.

    Args:
        sharp: (1, 3, H, W) sRGB in [0, 1].
        target_sigma_px: (1, 1, H, W), pixels.
        stride_px: see ``exact_blur``.

    Returns:
        (1, 3, h, w) sRGB in [0, 1].
    """
    light = exact_blur(decode(sharp.astype(np.float64)), target_sigma_px.astype(np.float64), stride_px)
    return encode(light.clip(max=1.0)).astype(np.float32)
