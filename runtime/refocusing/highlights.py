"""Lights that the sensor clipped, made brighter again, so that out of focus they become discs and not grey smears.

How bright a lamp was that came out white nobody knows; that it is small, white and alone says that it was a lamp. A
white wall is as white, but not alone. What is added has a bound, and in focus nothing changes: white stays white.
"""

from __future__ import annotations

import numpy as np

from runtime.refocusing.defocus_map import block_mean, box_mean, enlarged
from runtime.system.arrays import FloatArray, ramp

CLIPPED = (0.94, 0.985)
"""Smallest of the three channels from which a pixel begins to count as clipped, and does wholly."""
LARGEST_LIGHT = 4.0
"""Light that a lamp is given, where white is 1. Its code value, the square root, is the largest that graphs take."""
AROUND = 1 / 32
"""Half the side of the window in which a lamp is alone, relative to the long side."""
CROWDED = 0.12
"""Part of that window which, clipped, makes a wall."""


def recovered(sharp: FloatArray) -> FloatArray:
    """The picture with its lamps brighter.

    Args:
        sharp: (h, w, 3) sRGB in [0, 1], all in focus.

    Returns:
        The same, up to sqrt(LARGEST_LIGHT); the very array where there is no lamp.
    """
    red, green, blue = np.moveaxis(sharp, 2, 0)  # NumPy is slow along an axis as short as that of the channels
    clipped = ramp(np.minimum(np.minimum(red, green), blue), *CLIPPED)
    if not clipped.any():
        return sharp
    blocks = block_mean(clipped)
    crowd = box_mean(blocks, max(1, round(AROUND * max(blocks.shape))))
    alone = np.clip(1.0 - crowd / CROWDED, 0.0, 1.0)
    lamps = np.nonzero(clipped)
    gain = np.sqrt(1.0 + (LARGEST_LIGHT - 1.0) * clipped[lamps] * enlarged(alone, clipped.shape)[lamps])
    result = sharp.copy()
    result[lamps] *= gain[:, None].astype(np.float32)
    return result
