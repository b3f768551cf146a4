"""Sigma maps of the golden cases: smooth ones, sudden steps in every direction, and one as the optics make it.

All are (1, 1, side, side), in pixels. What an edge costs depends on how much of the picture lies near it, and on the
picture's detail there. Maps that are asked to follow the exact blur are therefore those of one scene seen on more or
fewer pixels: their slope per pixel is the same at every size, and their steps are as high as the tile is large.
"""

from __future__ import annotations

import torch
from torch import Tensor

FULL_SIDE_PX = 256
"""Side of a tile on which a step has its full height."""
RANGE_WITHIN_PX = 640
"""The smooth maps would go from 0 to the largest sigma within so many pixels: not the whole of a photograph's long side
as the pipeline works on it."""
STEP_LOW, STEP_HIGH, LARGEST_STEP_HIGH = 0.1, 0.4, 0.9
"""Both sides of a step, relative to the largest sigma, and the higher one of the largest step."""
SMOOTH = ("smooth-diagonal", "smooth-down")
LARGEST_STEP = "step-largest"
STEP_NORMALS: dict[str, tuple[int, int]] = {
    "step-across": (16, 1),
    "step-down": (1, 16),
    "step-falling": (9, -8),
    "step-rising": (9, 8),
    "step-steep": (17, 8),
    "step-slanted": (8, 17),
}
"""Name -> direction (x, y) in which the step rises; its edge stands across: vertical, horizontal, along either
diagonal, and between. None is exact, so that the few pixels of a golden file lie at all distances from the edge."""
STEPS = tuple(STEP_NORMALS)


def smooth_maps(side: int, largest_px: float) -> dict[str, Tensor]:
    """Even slopes by name: along a diagonal up to half the largest sigma, and down the picture up to the largest.

    On a tile that is not full the second is lower, since the border is then a larger part of it. Down is the harder of
    both axes: the op's second pass reads rows that had another sigma.
    """
    x, y = _axes(side)
    slope = largest_px / RANGE_WITHIN_PX
    half_px = 0.5 * largest_px
    return {
        "smooth-diagonal": (half_px - slope * ((side - 1) - (x + y) / 2.0)).clamp(min=0.0),
        "smooth-down": half_px * (1.0 + min(1.0, side / FULL_SIDE_PX)) - slope * (side - 1 - y),
    }


def step_maps(side: int, largest_px: float) -> dict[str, Tensor]:
    """A step through the middle in each direction of ``STEP_NORMALS``, and the largest one, slanted."""
    found = {name: _step(side, largest_px, normal, STEP_HIGH) for name, normal in STEP_NORMALS.items()}
    return {**found, LARGEST_STEP: _step(side, largest_px, STEP_NORMALS["step-slanted"], LARGEST_STEP_HIGH)}


def refocusing_map(sigma_px: Tensor, ramp_px: Tensor, largest_px: float) -> Tensor:
    """0 where the defocus equals that at the middle of the picture, and with the difference up to half the largest.

    The difference is that of the estimated map and a slope, so that the map has detail whatever the estimator
    says of a sharp picture.

    Args:
        sigma_px: (1, 1, H, W), estimated.
        ramp_px: (1, 1, H, W), up to the largest sigma that is estimated.
        largest_px: that can be asked for.
    """
    depth = sigma_px + ramp_px
    middle = depth[:, :, depth.shape[2] // 2, depth.shape[3] // 2].view(1, 1, 1, 1)
    gain = largest_px / 2.0 / float(ramp_px.max())
    return ((depth - middle) * gain).clamp(-largest_px / 2.0, largest_px / 2.0)


def _step(side: int, largest_px: float, normal: tuple[int, int], high: float) -> Tensor:
    x, y = _axes(side)
    middle = (side - 1) / 2.0
    scale_px = largest_px * min(1.0, side / FULL_SIDE_PX)
    rises = normal[0] * (x - middle) + normal[1] * (y - middle) > 0.0
    return torch.where(rises, high * scale_px, STEP_LOW * scale_px)


def _axes(side: int) -> tuple[Tensor, Tensor]:
    """Column and row of every pixel."""
    line = torch.arange(side, dtype=torch.float32)
    shape = (1, 1, side, side)
    return line.view(1, 1, 1, -1).expand(shape), line.view(1, 1, -1, 1).expand(shape)
