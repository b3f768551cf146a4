"""How alike two pictures are: PSNR and mean absolute error. NumPy only.

All pictures are (H, W) or (H, W, C) with values in [0, 1].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runtime.system.errors import ReblurError


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


def _difference(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """The difference a - b in float64; equal shapes are required, since broadcasting would hide a mistake."""
    if a.shape != b.shape:
        raise ReblurError(f"pictures to compare must have one shape, got {a.shape} and {b.shape}")
    return a.astype(np.float64) - b.astype(np.float64)
