"""All-in-focus pictures to build scenes from: crops of photographs, or procedural dead leaves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.images import read_photo

Picture = NDArray[np.float32]
"""(H, W, 3), sRGB in [0, 1]."""

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
SHARP_ENOUGH = 0.045
"""Standard deviation of the Laplacian (sRGB units) above which a crop counts as textured and in focus."""


def load_photos(folder: Path) -> list[Picture]:
    """Every photograph of a folder, in the order of their names.

    Raises:
        ValueError: the folder does not exist, holds no photograph, or one of them cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"no folder of photographs at {folder}")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds no photograph: expected files ending in {', '.join(PHOTO_SUFFIXES)}")
    return [read_photo(path).rgb for path in paths]


def sharpness(picture: Picture) -> float:
    """Standard deviation of the Laplacian of the green channel."""
    return float(cv2.Laplacian(np.ascontiguousarray(picture[..., 1]), cv2.CV_32F).std())


def sharp_crop(photo: Picture, size_px: int, rng: np.random.Generator, attempts: int = 12) -> Picture:
    """A crop of ``size_px``, at a random scale, that is textured and in focus if a few attempts find one.

    The photograph is reduced by a random factor of up to 2.5, since pictures at 1:1 are soft.
    """
    height, width = photo.shape[:2]
    best, best_sharpness = None, -1.0
    for _ in range(attempts):
        source_px = min(int(size_px * rng.uniform(1.0, 2.5)), height, width)
        y = int(rng.integers(0, height - source_px + 1))
        x = int(rng.integers(0, width - source_px + 1))
        window = photo[y : y + source_px, x : x + source_px]
        crop = cv2.resize(window, (size_px, size_px), interpolation=cv2.INTER_AREA).astype(np.float32)
        found = sharpness(crop)
        if found > best_sharpness:
            best, best_sharpness = crop, found
        if best_sharpness > SHARP_ENOUGH:
            break
    assert best is not None
    return best


def dead_leaves(size_px: int, rng: np.random.Generator, shapes: int = 350) -> Picture:
    """Occluding discs and polygons of power-law sizes, with shading and fine texture.

    The dead-leaves model has the edge statistics of natural images (Lee, Mumford and Huang 2001).
    """
    canvas = np.empty((size_px, size_px, 3), np.float32)
    canvas[:] = rng.uniform(0, 1, 3)
    base, spread = rng.uniform(0.2, 0.8, 3), rng.uniform(0.1, 0.4)
    smallest, largest = 2.0, size_px / 3.0
    for _ in range(shapes):
        # Inverse transform of a density proportional to r^-3 on [smallest, largest].
        u = rng.uniform()
        radius = (smallest**-2 - u * (smallest**-2 - largest**-2)) ** -0.5
        colour = np.clip(base + rng.normal(0, spread, 3), 0, 1).tolist()
        centre = rng.uniform(0, size_px, 2)
        if rng.uniform() < 0.5:
            cv2.circle(canvas, _fixed_point(centre), int(radius * 16), colour, -1, cv2.LINE_AA, shift=4)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
            corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], -1)
            cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], colour, cv2.LINE_AA, shift=4)
    shading = 1.0 + 0.3 * smooth_field(size_px, 4, rng)[..., None]
    texture = rng.uniform(0, 0.06) * rng.standard_normal((size_px, size_px, 1))
    picture: Picture = np.clip(canvas * shading + texture, 0, 1).astype(np.float32)
    return picture


def smooth_field(size_px: int, cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(size, size) smooth random field of about unit deviation: noise on a coarse grid, cubically enlarged."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    field: NDArray[np.float32] = cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return field


def _fixed_point(xy: NDArray[np.float64]) -> tuple[int, int]:
    return int(xy[0] * 16), int(xy[1] * 16)
