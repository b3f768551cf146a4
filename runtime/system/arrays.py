"""Names for the arrays that everything speaks of, and what is asked of them everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
"""Any shape; each function says which, with range and unit."""


def ramp(x: FloatArray, low: float, high: float) -> FloatArray:
    """0 up to ``low``, rising evenly to 1 at ``high`` and beyond."""
    result = np.asarray(x - np.float32(low), np.float32)
    result /= np.float32(high - low)
    return np.clip(result, 0.0, 1.0, out=result)


def between(one: FloatArray, other: FloatArray, share: FloatArray) -> FloatArray:
    """From the one picture to the other; a new picture and no more, since they are large."""
    result = other - one
    result *= share
    result += one
    return result
