"""The exact answers that golden cases are judged by beside the float model's: what a perfect graph would say.

For deblurring that is the picture that was blurred on purpose, for refocusing the exact two-dimensional gather in
float64, at the pixels that the golden files keep. A gather at one pixel of 81 is quick even with 1800 taps.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from runtime.system.arrays import FloatArray
from train.optics.light import decode, encode
from train.optics.spatially_varying_blur import psf_value, support_radius_px

Float64 = NDArray[np.float64]


def exact_blur(light: Float64, sigma_px: Float64, stride_px: int) -> Float64:
    """``train.optics.spatially_varying_blur.spatially_varying_blur`` with a Gaussian, in float64, at few pixels.

    Args:
        light: (1, C, H, W), any range; the edge is replicated.
        sigma_px: (1, 1, H, W), pixels, 0 or more.
        stride_px: every such pixel of every such row is answered, from the first of each.

    Returns:
        (1, C, h, w).
    """
    height, width = light.shape[2:]
    radius = support_radius_px("gaussian", float(sigma_px.max()))
    padded = np.pad(light, ((0, 0), (0, 0), (radius, radius), (radius, radius)), mode="edge")
    sigma = torch.from_numpy(np.ascontiguousarray(sigma_px[..., ::stride_px, ::stride_px]))
    weights: dict[int, Float64] = {}
    total, norm = np.zeros((1, light.shape[1], *sigma.shape[2:])), np.zeros(tuple(sigma.shape))
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            squared = (dy - radius) ** 2 + (dx - radius) ** 2
            if squared > radius * radius:
                continue
            if squared not in weights:
                weights[squared] = psf_value("gaussian", squared**0.5, sigma).numpy()
            norm += weights[squared]
            total += weights[squared] * padded[..., dy : dy + height : stride_px, dx : dx + width : stride_px]
    return total / norm


def exact_refocus(sharp: FloatArray, target_sigma_px: FloatArray, stride_px: int) -> FloatArray:
    """What ``export.graphs.separable_blur`` approximates: the exact blur in light (sRGB's curve taken as a square).

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
