"""Procedural dead leaves: pictures with the edge statistics of photographs, for whoever has no photographs."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.data.regular_textures import paint_over

Picture = FloatArray

SHAPES_PER_PIXEL = 0.0081
SMALLEST_PX = 3.0
GRAIN = 0.12
"""Strong, and the shapes small, since pictures of the bank are averaged over 2x2 pixels before anyone sees them."""
REGULAR_PERIODS_PX = (7.0, 60.0)
"""Of the regular textures, at twice the resolution."""
ROOM = 1.4
"""How much larger a painted picture is than the crops taken from it."""


def dead_leaves(
    size_px: int, rng: np.random.Generator, shapes: int = 350, *, smallest_px: float = 2.0, grain: float = 0.06
) -> Picture:
    """Occluding discs and polygons of power-law sizes, with shading and fine texture; (size, size, 3) in [0, 1].

    The dead-leaves model has the edge statistics of natural images (Lee, Mumford and Huang 2001).
    """
    canvas = np.empty((size_px, size_px, 3), np.uint8)  # of bytes, since OpenCV smooths the edges of no other
    canvas[:] = np.round(255 * rng.uniform(0, 1, 3))
    base, spread = rng.uniform(0.2, 0.8, 3), rng.uniform(0.1, 0.4)
    smallest, largest = smallest_px, size_px / 3.0
    for _ in range(shapes):
        # Inverse transform of a density proportional to r^-3 on [smallest, largest].
        u = rng.uniform()
        radius = (smallest**-2 - u * (smallest**-2 - largest**-2)) ** -0.5
        colour = np.round(255 * np.clip(base + rng.normal(0, spread, 3), 0, 1)).tolist()
        centre = rng.uniform(0, size_px, 2)
        if rng.uniform() < 0.5:
            cv2.circle(canvas, _fixed_point(centre), int(radius * 16), colour, -1, cv2.LINE_AA, shift=4)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
            corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], -1)
            cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], colour, cv2.LINE_AA, shift=4)
    shading = 1.0 + 0.3 * smooth_field(size_px, 4, rng)[..., None]
    texture = rng.uniform(0, grain) * rng.standard_normal((size_px, size_px, 1))
    return np.clip(canvas / 255 * shading + texture, 0, 1).astype(np.float32)


def smooth_field(size_px: int, cells: int, rng: np.random.Generator) -> FloatArray:
    """(size, size) smooth random field of about unit deviation: noise on a coarse grid, cubically enlarged."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC), np.float32)


class LeafCrop(NamedTuple):
    """A crop of a dead-leaves picture, turned and recoloured."""

    picture: int
    y: int
    x: int
    mirror: bool
    transpose: bool
    channels: tuple[int, int, int]
    """The order its colour channels are taken in."""
    gain: float
    """Factor on its linear light."""


class LeafBank:
    """Dead-leaves pictures painted once, of which any number of crops are taken."""

    def __init__(
        self, crop_px: int, count: int, seed: tuple[int, ...], device: torch.device | str, regular_share: float = 0.0
    ) -> None:
        self.crop_px = crop_px
        self.pictures = torch.from_numpy(_painted(round(crop_px * ROOM), count, seed, regular_share)).to(device)

    def choose(self, rng: np.random.Generator) -> LeafCrop:
        """A random crop."""
        count, _, side, _ = self.pictures.shape
        y, x = rng.integers(0, side - self.crop_px + 1, 2)
        red, green, blue = rng.permutation(3)
        mirror, transpose = rng.uniform(size=2) < 0.5
        gain = float(rng.uniform(0.6, 1.0))
        channels = (int(red), int(green), int(blue))
        return LeafCrop(int(rng.integers(count)), int(y), int(x), bool(mirror), bool(transpose), channels, gain)

    def cut(self, crop: LeafCrop) -> Tensor:
        """(3, crop, crop) uint8, sRGB; the gain is left to the caller, who has it as light."""
        rows, columns = slice(crop.y, crop.y + self.crop_px), slice(crop.x, crop.x + self.crop_px)
        cut = self.pictures[crop.picture, :, rows, columns][list(crop.channels)]
        cut = cut.flip(2) if crop.mirror else cut
        return cut.transpose(1, 2) if crop.transpose else cut


@lru_cache(maxsize=4)
def _painted(side_px: int, count: int, seed: tuple[int, ...], regular_share: float) -> NDArray[np.uint8]:
    """(N, 3, side, side) pictures; remembered, since a comparison of many runs asks for the same ones.

    The first ``regular_share`` of them have a regular texture over about half of them.
    """
    pictures = np.empty((count, 3, side_px, side_px), np.uint8)
    shapes = int(SHAPES_PER_PIXEL * side_px * side_px)
    for index in range(count):
        rng = np.random.default_rng((*seed, index))
        leaves = dead_leaves(side_px, rng, shapes, smallest_px=SMALLEST_PX, grain=GRAIN)
        if index < regular_share * count:
            leaves = paint_over(leaves, rng, REGULAR_PERIODS_PX)
        pictures[index] = np.round(leaves.transpose(2, 0, 1) * 255)
    return pictures


def _fixed_point(xy: NDArray[np.float64]) -> tuple[int, int]:
    return int(xy[0] * 16), int(xy[1] * 16)
