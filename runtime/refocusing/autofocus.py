"""Where to focus when nobody says and no face is found: at the sharpest place near the centre, where people aim."""

from __future__ import annotations

import numpy as np

from runtime.refocusing.defocus_map import block_mean
from runtime.system.arrays import FloatArray

CELL_PX = 16
"""Side of the cells in which detail is counted."""
CENTRE_SPREAD = 0.25
"""Standard deviation of the preference for the centre, relative to the picture's sides."""
ENOUGH = 0.02
"""Mean gradient (sRGB units a pixel) beyond which more detail counts no more: a hedge is not sharper than a face."""

LEAST = 1e-4
"""Likewise what none at all counts: of nothing to be seen the centre is chosen."""


def automatic_focus(picture: FloatArray, sigma_px: FloatArray) -> tuple[float, float]:
    """The point to focus on.

    Args:
        picture: (H, W, 3) sRGB in [0, 1], both sides at least ``CELL_PX``.
        sigma_px: (H, W) estimated blur sigma of the picture.

    Returns:
        x rightwards and y downwards, both in [0, 1]: the centre of the cell with the most detail, the least blur and
        the least distance to the centre.
    """
    rows, columns = picture.shape[0] // CELL_PX, picture.shape[1] // CELL_PX
    whole = slice(rows * CELL_PX), slice(columns * CELL_PX)  # what is left over at the edges is left out
    grey = picture.mean(axis=2)
    detail = np.zeros_like(grey)
    detail[:-1] += np.abs(np.diff(grey, axis=0))
    detail[:, :-1] += np.abs(np.diff(grey, axis=1))
    detail, sigma = block_mean(detail[whole], CELL_PX), block_mean(sigma_px[whole], CELL_PX)
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    away = (y[:, None] - 0.5) ** 2 + (x[None] - 0.5) ** 2
    worth = (np.minimum(detail, ENOUGH) + LEAST) / (1.0 + sigma) ** 2 * np.exp(-away / (2.0 * CENTRE_SPREAD**2))
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    return float(x[column]), float(y[row])
