"""What is read out of raw times: median, 90th percentile, MAD; and how a time grows with the size of a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

median = statistics.median


def percentile_90(values: Sequence[float]) -> float:
    """The smallest value that nine of ten do not exceed."""
    return sorted(values)[math.ceil(0.9 * len(values)) - 1]


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation from the median; of normal noise two thirds of its standard deviation."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def exponent(megapixels: Sequence[float], times: Sequence[float]) -> float:
    """P of time = c * megapixels^p, by least squares in logarithms: 1 grows with the picture, below 1 more slowly."""
    (slope, _) = statistics.linear_regression([math.log(m) for m in megapixels], [math.log(t) for t in times])
    return slope
