"""A focus sweep: the same photograph focused from the nearest thing to the farthest and back, as a moving picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from runtime.photos.photo import as_samples
from runtime.refocusing.defaults import GAUSSIAN
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically

EXTENSION = ".webp"
ENDS = (2.0, 98.0)
"""Percentiles of the defocus map between which the focus moves: what is left out is noise."""
FRAME_MS, QUALITY = 60, 80


def sweep_frames(
    pipeline: RefocusPipeline,
    defocus_px: FloatArray,
    aperture: float,
    steps: int,
    *,
    is_known: bool,
    bokeh: str = GAUSSIAN,
) -> Iterator[FloatArray]:
    """The frames on the way from near to far, at the working size.

    Args:
        pipeline: with a photograph analysed.
        defocus_px: (h, w) the map that the focus moves along.
        aperture: f-number, as for ``RefocusPipeline.refocus``.
        steps: frames from one end to the other, at least 2.
        is_known: whether the map is better than the pipeline's own estimate, and to be gone by.
        bokeh: as for ``RefocusPipeline.refocus``.
    """
    nearest, farthest = np.percentile(defocus_px, ENDS)
    for focus in np.linspace(nearest, farthest, steps):
        known = defocus_px if is_known else None
        yield pipeline.refocus(float(focus), aperture, defocus_px=known, bokeh=bokeh)


def write_sweep(path: Path, frames: list[FloatArray]) -> None:
    """Write frames, there and back, as an animated WebP that goes on for ever.

    Raises:
        ReblurError: it cannot be written.
    """
    pictures = [Image.fromarray(as_samples(frame, np.dtype(np.uint8))) for frame in [*frames, *frames[-2:0:-1]]]
    buffer = io.BytesIO()
    try:
        pictures[0].save(
            buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=FRAME_MS, loop=0, quality=QUALITY
        )
    except (OSError, ValueError) as error:
        raise ReblurError(f"cannot encode {path}: {error}") from error
    write_atomically(path, buffer.getvalue())


def check_sweep(path: Path) -> None:
    """Refuse a name that is none of a WebP.

    Raises:
        ReblurError: it ends otherwise.
    """
    if path.suffix.lower() != EXTENSION:
        raise ReblurError(f"a sweep is an animated WebP: give --out a name ending in {EXTENSION}, got {path}")
