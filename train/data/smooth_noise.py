"""Smooth random fields: noise on a coarse grid, cubically enlarged, as two small matrix products.

A field is A c A^T for a grid c of noise and the interpolation matrix A; its slope has the derivative of A in place of
one of them, so it costs no more than the field itself.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray

MOST_CELLS = 8


class Fields(NamedTuple):
    """N fields with their slopes, each (N, size, size); the slopes per pixel."""

    values: Tensor
    slope_x: Tensor
    slope_y: Tensor


@cache
def interpolation_matrix(cells: int, size_px: int) -> FloatArray:
    """(size, 8): the weights by which a grid of so many cells makes each pixel; columns beyond ``cells`` are 0."""
    weights = cv2.resize(np.eye(cells, dtype=np.float32), (cells, size_px), interpolation=cv2.INTER_CUBIC)
    return np.pad(weights, ((0, 0), (0, MOST_CELLS - cells)))


def padded_grid(noise: NDArray[np.float64]) -> FloatArray:
    """(cells, cells) -> (8, 8), with zeros."""
    missing = MOST_CELLS - noise.shape[0]
    return np.pad(noise.astype(np.float32), ((0, missing), (0, missing)))


def smooth_fields(
    grids: FloatArray, cells: list[int], size_px: int, device: torch.device | str, step_px: float = 1.0
) -> Fields:
    """Enlarge grids.

    Args:
        grids: (N, 8, 8), from ``padded_grid``.
        cells: N numbers of cells along a side.
        size_px: side of the fields.
        device: where they are made.
        step_px: what a pixel of the fields counts for in the slopes.
    """
    matrices = np.stack([interpolation_matrix(c, size_px) for c in cells])
    grid, across = torch.from_numpy(grids).to(device), torch.from_numpy(matrices).to(device)
    sloping = torch.gradient(across, spacing=step_px, dim=1)[0]
    rows, slope_rows = across @ grid, sloping @ grid
    return Fields(rows @ across.transpose(1, 2), rows @ sloping.transpose(1, 2), slope_rows @ across.transpose(1, 2))
