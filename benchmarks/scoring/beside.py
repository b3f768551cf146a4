"""Our picture beside somebody else's of the same scene: theirs says neither focus nor strength, so both are found.

Defocus is linear in inverse depth d: target sigma = K (d_f - d). The focus d_f and the strength K are those with which
our picture comes nearest to theirs, by PSNR: first on a coarse grid at a small size, then closer and closer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from runtime.metrics import psnr_db
from runtime.photos.photo import as_samples, read_photo, resize
from runtime.refocusing.defaults import INVERSE
from runtime.refocusing.depth_file import read_depth_file
from runtime.refocusing.highlights import recovered
from runtime.refocusing.working_size import working_size
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

Blur = Callable[[FloatArray, FloatArray], FloatArray]
"""(h, w, 3) sRGB all in focus and (h, w) signed sigma in pixels -> (h, w, 3)."""
LONG_SIDE_PX, SMALL_PX = 1024, 320
FOCUSES, STRENGTHS = np.linspace(0.0, 1.0, 11), (0.0, 0.004, 0.008, 0.016, 0.032, 0.064)
"""Inverse depths in focus, and sigmas relative to the long side over the whole range of depth, of the coarse grid."""
CLOSER, STEPS = 3, 5
"""How often the search goes closer, and steps each time in either direction of each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """What came nearest."""

    name: str
    focus: float
    """Inverse depth in focus, 1 is the nearest."""
    strength: float
    """Sigma over the whole range of depth, relative to the long side."""
    psnr_db: float
    """Of our picture against theirs."""
    unblurred_db: float
    """Of the all-in-focus picture against theirs."""
    picture: FloatArray
    """(h, 3 w, 3) sRGB: all in focus, ours, theirs."""


def beside(sharp: Path, depth: Path, theirs: Path, blur: Blur) -> Beside:
    """Refocus a picture as somebody else did.

    Args:
        sharp: the picture all in focus.
        depth: its inverse depth in shades of grey, near bright.
        theirs: what somebody else made of both.
        blur: ours.

    Raises:
        ReblurError: a file cannot be read, or the pictures' proportions differ.
    """
    photo, other = read_photo(sharp), read_photo(theirs)
    disparity = read_depth_file(depth, photo, INVERSE)
    if working_size(*photo.size_px, SMALL_PX) != working_size(*other.size_px, SMALL_PX):
        raise ReblurError(f"{theirs} must have the proportions of {sharp}, got {other.size_px} and {photo.size_px}")

    def at(long_side_px: int) -> _Scene:
        size = working_size(*photo.size_px, long_side_px)
        picture = resize(photo.samples, *size)
        return _Scene(picture, recovered(picture), resize(disparity, *size), resize(other.samples, *size), blur)

    small, large = at(SMALL_PX), at(LONG_SIDE_PX)
    focus, strength = small.nearest()
    ours = large.ours(focus, strength)
    return Beside(
        name=sharp.stem,
        focus=focus,
        strength=strength,
        psnr_db=psnr_db(ours, large.theirs),
        unblurred_db=psnr_db(large.sharp, large.theirs),
        picture=np.concatenate([large.sharp, ours, large.theirs], axis=1),
    )


@dataclass(frozen=True, eq=False)
class _Scene:
    """The three pictures at one size."""

    sharp: FloatArray
    lit: FloatArray
    """The same with its lamps brighter."""
    disparity: FloatArray
    theirs: FloatArray
    blur: Blur

    def ours(self, focus: float, strength: float) -> FloatArray:
        gain = np.float32(strength * max(self.disparity.shape))
        return self.blur(self.lit, gain * (np.float32(focus) - self.disparity))

    def nearest(self) -> tuple[float, float]:
        """Focus and strength."""
        grid = [(float(focus), strength) for focus in FOCUSES for strength in STRENGTHS]
        best = max(grid, key=self._score)
        reach = 1.0
        for _ in range(CLOSER):
            reach /= STEPS - 1
            offsets = np.linspace(-reach, reach, STEPS)
            around = [
                (float(np.clip(best[0] + offset / 2.0, 0.0, 1.0)), best[1] * float(2.0**factor))
                for offset in offsets
                for factor in 4.0 * offsets
            ]
            best = max(around, key=self._score)
        return best

    def _score(self, at: tuple[float, float]) -> float:
        return psnr_db(self.ours(*at), self.theirs)


def write(found: Beside, folder: Path) -> Path:
    """The three pictures side by side, as a PNG; returns its path."""
    path = folder / f"beside-{found.name}.png"
    write_row(path, [found.picture])
    return path


def write_row(path: Path, pictures: Sequence[FloatArray]) -> None:
    """Write pictures (h, w, 3) sRGB side by side; their folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(as_samples(np.concatenate(pictures, axis=1), np.dtype(np.uint8))).save(path)
