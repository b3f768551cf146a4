"""Photographs to build scenes from: read from a folder, kept as bytes, cropped where they are sharp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.photos.photo import read_photo
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

Picture = FloatArray
"""(H, W, 3), sRGB in [0, 1]."""

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
SHARP_ENOUGH = 0.045
"""Standard deviation of the Laplacian (sRGB units) above which a crop counts as textured and in focus."""
REDUCTION = (1.4, 2.6)
"""Least and largest factor by which a photograph is reduced."""
DETAIL_CELL_PX = 16
"""Side of the cells in which a photograph's sharpness is measured."""
SOFT_GRADIENT = 0.008
"""Gradient (sRGB units a pixel, at half size) from which a cell shows an edge, sharp or not."""
SOFT_RATIO = 0.8
"""Squared Laplacian over squared gradient below which that edge is out of focus."""
SOFT_SHARE_MAX = 0.06
"""A window with this share of such cells is worth nothing."""


def load_photos(folder: Path) -> list[Picture]:
    """Every photograph of a folder, in the order of their names.

    Raises:
        ReblurError: the folder does not exist, holds no photograph, or one of them cannot be read.
    """
    return [read_photo(path).rgb for path in _photo_paths(folder)]


def load_photo_bytes(folder: Path) -> list[NDArray[np.uint8]]:
    """``load_photos`` at a quarter of the memory: (H, W, 3) of 8 bits, which is what ``PhotoBank`` keeps."""
    return [photo_bytes(read_photo(path).rgb) for path in _photo_paths(folder)]


def photo_bytes(photo: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture of floats in [0, 1], or of bytes already, as bytes."""
    if photo.dtype == np.uint8:
        return photo
    return np.asarray(np.round(np.clip(photo, 0, 1) * 255), np.uint8)


def _photo_paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReblurError(f"no folder of photographs at {folder}")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        raise ReblurError(f"{folder} holds no photograph: expected files ending in {', '.join(PHOTO_SUFFIXES)}")
    return paths


def sharpness(picture: Picture) -> float:
    """Standard deviation of the Laplacian of the green channel."""
    return float(cv2.Laplacian(np.ascontiguousarray(picture[..., 1]), cv2.CV_32F).std())


class Window(NamedTuple):
    """A square of a photograph."""

    photo: int
    y: int
    x: int
    side_px: int
    mirror: bool


class PhotoBank:
    """Photographs as bytes on one device, with what is needed to tell their sharp and textured parts.

    Photographs at 1:1 are soft, so a crop is made of a window at least ``REDUCTION[0]`` times as large. Where twice
    the size is asked for (to warp it and average it down later), windows are enlarged a little: what counts is how
    sharp the crop is after that.
    """

    def __init__(self, photos: Sequence[FloatArray | NDArray[np.uint8]], device: torch.device | str) -> None:
        self.pixels: list[Tensor] = []
        self._detail: list[NDArray[np.float64]] = []
        for photo in photos:
            codes = photo_bytes(photo)
            self._detail.append(_detail_tables(codes))
            # (H, W, 3) in memory, seen as (3, H, W): resizing is several times faster so.
            self.pixels.append(torch.from_numpy(np.ascontiguousarray(codes)).to(device).permute(2, 0, 1))

    def __len__(self) -> int:
        return len(self.pixels)

    def choose(
        self,
        size_px: int,
        rng: np.random.Generator,
        *,
        photo: int | None = None,
        attempts: int = 12,
        enough: float = SHARP_ENOUGH,
    ) -> Window:
        """A window for a crop of ``size_px``: the first of some attempts whose score is enough, else the best.

        The photograph is a random one unless it is given.
        """
        if photo is None:
            photo = int(rng.integers(len(self.pixels)))
        height, width = self.pixels[photo].shape[1:]
        best, best_score = Window(photo, 0, 0, min(height, width), False), -1.0
        for _ in range(attempts):
            side = min(int(size_px * rng.uniform(*REDUCTION)), height, width)
            y, x = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
            window = Window(photo, y, x, side, bool(rng.uniform() < 0.5))
            score = self.score(window)
            if score > best_score:
                best, best_score = window, score
            if best_score > enough:
                break
        return best

    def score(self, window: Window) -> float:
        """How good a window is: the standard deviation of its Laplacian at half size (in sRGB units), less what is
        taken off for cells that are out of focus; from tables, no pixel is touched.
        """
        tables = self._detail[window.photo]
        rows, columns = (
            _cells_between(first, window.side_px, size - 1)
            for first, size in zip((window.y, window.x), tables.shape[1:], strict=True)
        )
        (top, bottom), (left, right) = rows, columns
        total = tables[:, bottom, right] - tables[:, top, right] - tables[:, bottom, left] + tables[:, top, left]
        energy, soft = total / ((bottom - top) * (right - left))
        return float(np.sqrt(max(energy, 0.0)) * max(0.0, 1.0 - soft / SOFT_SHARE_MAX))

    def cut(self, window: Window, size_px: int) -> Tensor:
        """(3, size, size) uint8, sRGB: the window resized with antialiasing."""
        rows, columns = slice(window.y, window.y + window.side_px), slice(window.x, window.x + window.side_px)
        codes = self.pixels[window.photo][None, :, rows, columns]
        on_cpu = codes.device.type == "cpu"  # only there is there a resize of bytes
        resized = F.interpolate(
            codes if on_cpu else codes.float(), size=(size_px, size_px), mode="bicubic", antialias=True
        )
        crop = resized[0] if on_cpu else resized[0].round().clamp(0, 255).to(torch.uint8)
        return crop.flip(2) if window.mirror else crop


def _cells_between(first_px: int, length_px: int, cells: int) -> tuple[int, int]:
    """The first cell of a stretch of pixels and the one after its last; at least one, and none beyond the table."""
    first = min(round(first_px / DETAIL_CELL_PX), cells - 1)
    return first, min(max(round((first_px + length_px) / DETAIL_CELL_PX), first + 1), cells)


def _detail_tables(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Integral images, in cells of ``DETAIL_CELL_PX``, of the mean squared Laplacian of green at half size, and of
    whether a cell is out of focus.

    A blurred edge is told from a weak one by the ratio of squared Laplacian to squared gradient, 1 / (2 sigma^2) for
    an edge under a Gaussian.
    """
    green = np.ascontiguousarray(codes[..., 1])
    height, width = green.shape
    half = cv2.resize(green, (max(2, width // 2), max(2, height // 2)), interpolation=cv2.INTER_AREA)
    half = half.astype(np.float32) / np.float32(255)
    across, down = (cv2.Sobel(half, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    cells = (max(1, width // DETAIL_CELL_PX), max(1, height // DETAIL_CELL_PX))
    energy, steepness = (
        cv2.resize(field, cells, interpolation=cv2.INTER_AREA)
        for field in (cv2.Laplacian(half, cv2.CV_32F) ** 2, across**2 + down**2)
    )
    soft = (steepness > SOFT_GRADIENT**2) & (energy < SOFT_RATIO * steepness)
    means = np.stack([energy, soft]).astype(np.float64)
    return np.pad(means.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
