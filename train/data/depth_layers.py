"""Depth layers: their outlines, and how they are laid over each other.

A stack of layers is (S, L, 4, H, W), back to front: linear light times coverage in the first three channels, coverage
in the last. A layer that a scene does not have is all zeros, which changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.data.smooth_noise import padded_grid, smooth_fields

CELLS = (3, 8)
"""Fewest and most cells of the noise that draws an outline: round shapes to ragged ones."""
STRAIGHT_SHARE = 0.4
"""Share of the outlines that are pulled towards a straight line."""
TILT_MAX = 6.0
COVER = (0.25, 0.65)
"""Least and largest share of the picture that a layer covers, where there are few layers."""
HARD_RIM_PX = 0.5
SOFT_RIM_PX = (1.0, 4.0)
QUANTILE_STRIDE = 8
"""The level that gives the cover asked for is found on every eighth pixel."""


class Outline(NamedTuple):
    """Where one layer is, in plain numbers: where smooth noise on a tilted plane lies above a level."""

    grid: FloatArray
    """(8, 8), the noise."""
    cells: int
    tilt_x: float
    tilt_y: float
    cover: float
    """Share of the picture it covers."""
    rim_px: float
    """Width over which it fades."""


def draw_outline(rng: np.random.Generator, layers: int, soft_share: float) -> Outline:
    """A random outline for a scene of so many layers; the more there are, the less each covers."""
    cells = int(rng.integers(CELLS[0], CELLS[1] + 1))
    grid = padded_grid(rng.standard_normal((cells, cells)))
    tilt = rng.uniform(0, TILT_MAX) if rng.uniform() < STRAIGHT_SHARE else 0.0
    direction = rng.uniform(0, 2 * np.pi)
    cover = float(rng.uniform(*COVER) * min(1.0, 2.0 / max(1, layers - 1)))
    rim_px = float(rng.uniform(*SOFT_RIM_PX)) if rng.uniform() < soft_share else HARD_RIM_PX
    return Outline(grid, cells, tilt * float(np.cos(direction)), tilt * float(np.sin(direction)), cover, rim_px)


def coverage(outlines: list[Outline], size_px: int, fold: int, device: torch.device | str) -> Tensor:
    """(N, size, size) coverage in [0, 1]; ``fold`` pixels of it make up one pixel of the scene."""
    fields = smooth_fields(
        np.stack([o.grid for o in outlines]), [o.cells for o in outlines], size_px, device, step_px=1.0 / fold
    )
    numbers = torch.tensor([(o.tilt_x, o.tilt_y, 1.0 - o.cover, o.rim_px) for o in outlines], device=device)
    tilt_x, tilt_y, below, rim_px = (column[:, None, None] for column in numbers.unbind(1))
    along = torch.linspace(-1, 1, size_px, device=device)
    per_px = 2.0 * fold / (size_px - 1)
    values = fields.values + tilt_x * along + tilt_y * along[:, None]
    slope = ((fields.slope_x + tilt_x * per_px).square() + (fields.slope_y + tilt_y * per_px).square()).sqrt()
    found = values[:, ::QUANTILE_STRIDE, ::QUANTILE_STRIDE].flatten(1).sort(1).values
    level = found.gather(1, (below[:, 0] * (found.shape[1] - 1)).round().long())[:, :, None]
    # Over its slope, a field is a distance from the outline in pixels.
    return (0.5 + (values - level) / (slope * rim_px).clamp(min=1e-6)).clamp(0.0, 1.0)


def lay_over(stack: Tensor) -> Tensor:
    """The light of a stack of layers (S, L, 4, H, W), blurred or not, seen from the front: (S, 3, H, W)."""
    light = stack[:, 0, :3]
    for layer in range(1, stack.shape[1]):
        light = torch.addcmul(stack[:, layer, :3], light, 1.0 - stack[:, layer, 3:])
    return light


def front_most(values: Tensor, stack: Tensor) -> Tensor:
    """(S, L) values, one a layer -> (S, 1, H, W), of the layer that is in front at each pixel."""
    shown = values[:, 0, None, None, None].expand(-1, 1, *stack.shape[-2:])
    for layer in range(1, stack.shape[1]):
        shown = torch.where(stack[:, layer, 3:] > 0.5, values[:, layer, None, None, None], shown)
    return shown
