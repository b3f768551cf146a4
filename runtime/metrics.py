"""How alike two pictures are: PSNR, SSIM and mean absolute error. NumPy only.

All pictures are (H, W) or (H, W, C) with values in [0, 1].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runtime.system.errors import ReblurError

SSIM_SIGMA_PX = 1.5
SSIM_RADIUS_PX = 5
"""Wang et al. 2004, section III-C: an 11 x 11 Gaussian window of sigma 1.5."""
SSIM_C1 = 0.01**2
SSIM_C2 = 0.03**2


def mae(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Mean absolute error, 0 for equal pictures.

    Args:
        a: (H, W) or (H, W, C), values in [0, 1].
        b: same shape.
    """
    return float(np.mean(np.abs(_difference(a, b))))


def psnr_db(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Peak signal-to-noise ratio in dB, for a peak of 1; infinite for equal pictures.

    Args:
        a: (H, W) or (H, W, C), values in [0, 1].
        b: same shape.
    """
    mean_square = float(np.mean(_difference(a, b) ** 2))
    return math.inf if mean_square == 0.0 else -10.0 * math.log10(mean_square)


def ssim(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Structural similarity (Wang et al. 2004, equation 13), averaged over channels; 1 for equal pictures.

    Only windows that lie wholly inside the picture count.

    Args:
        a: (H, W) or (H, W, C), values in [0, 1]; at least 11 px a side.
        b: same shape.

    Raises:
        ReblurError: the shapes differ, or a side is shorter than the window.
    """
    _difference(a, b)
    side = 2 * SSIM_RADIUS_PX + 1
    if min(a.shape[:2]) < side:
        raise ReblurError(f"SSIM needs pictures of at least {side} px a side, got {a.shape[1]}x{a.shape[0]}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x**2
    variance_y = _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    similarity = (2.0 * mean_x * mean_y + SSIM_C1) * (2.0 * covariance + SSIM_C2)
    similarity /= (mean_x**2 + mean_y**2 + SSIM_C1) * (variance_x + variance_y + SSIM_C2)
    return float(np.mean(similarity))


def _difference(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """The difference a - b in float64; equal shapes are required, since broadcasting would hide a mistake."""
    if a.shape != b.shape:
        raise ReblurError(f"pictures to compare must have one shape, got {a.shape} and {b.shape}")
    return a.astype(np.float64) - b.astype(np.float64)


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian-weighted mean of each window, (H, W, ...) -> (H - 10, W - 10, ...)."""
    offsets = np.arange(-SSIM_RADIUS_PX, SSIM_RADIUS_PX + 1)
    weights = np.exp(-(offsets**2) / (2.0 * SSIM_SIGMA_PX**2))
    weights /= weights.sum()
    for axis in (0, 1):
        size = values.shape[axis] - 2 * SSIM_RADIUS_PX
        terms = (w * np.take(values, range(k, k + size), axis) for k, w in enumerate(weights))
        values = sum(terms, np.zeros(()))
    return values
