"""What an analysis found, as pictures for people and for programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.photos import png16
from runtime.photos.photo import Photo, write_photo
from runtime.refocusing.pipeline import Analysis
from runtime.system.arrays import FloatArray
from runtime.system.files import write_atomically
from runtime.system.paths import make_folder

SIGMA, SIGMA_COLOUR, SHARP = "sigma.png", "sigma_colour.png", "sharp.png"
THOUSANDTHS = 1000.0
"""Of a pixel: what one step of the 16-bit map is."""
COLOURS = np.array(
    [(0.05, 0.03, 0.20), (0.30, 0.07, 0.45), (0.65, 0.15, 0.40), (0.93, 0.40, 0.22), (0.99, 0.73, 0.25), (1, 1, 0.75)],
    np.float32,
)
"""From no blur to the most, evenly spaced; growing in lightness, so that it reads in grey and for the colour-blind."""


def save_maps(directory: Path, analysis: Analysis, sigma_max_px: float, photo: Photo) -> None:
    """Write the blur map, once as numbers and once in colours, and the all-in-focus picture.

    sigma.png has 16 bits, in thousandths of a pixel of the working size; the last of the colours is ``sigma_max_px``.

    Raises:
        ReblurError: the folder cannot be made, or a file not be written.
    """
    make_folder(directory)
    codes = np.clip(np.rint(analysis.sigma_px * THOUSANDTHS), 0, 65535).astype(np.uint16)
    write_atomically(directory / SIGMA, png16.encode(codes[..., None]))
    coloured = in_colours(analysis.sigma_px / np.float32(sigma_max_px))
    write_photo(directory / SIGMA_COLOUR, coloured, like=Photo(samples=coloured))
    write_photo(directory / SHARP, analysis.sharp, like=photo)


def in_colours(share: FloatArray) -> FloatArray:
    """(H, W) in [0, 1] -> (H, W, 3) sRGB in [0, 1]."""
    steps = np.linspace(0.0, 1.0, len(COLOURS))
    return np.stack([np.interp(share, steps, COLOURS[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)
