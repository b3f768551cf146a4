"""Ranges of a tensor over calibration samples, for formats whose quantiser measures no percentiles of each sample."""

from __future__ import annotations

import numpy as np

from runtime.system.arrays import FloatArray

Range = tuple[float, float]
"""Smallest and largest value that counts."""


def widened(before: Range | None, values: FloatArray, fraction: float) -> Range:
    """The range of the samples so far, and of one more.

    Args:
        before: of the samples so far; None: there are none.
        values: of the next sample, of any shape.
        fraction: of its values that lies below the end of its own range and, as well, above the start.
    """
    low, high = (float(end) for end in np.quantile(values, [1.0 - fraction, fraction]))
    return (low, high) if before is None else (min(before[0], low), max(before[1], high))
