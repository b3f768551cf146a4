"""Resizing, with the sampling grids of the MIL specification."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from runtime.system.errors import ReblurError

Grid = Callable[[int, int], Tensor]
"""(input size, output size) -> (output size,) positions in the input, in pixels, not yet limited to it."""


def align_corners(size_in: int, size_out: int) -> Tensor:
    """The first and the last sample coincide; a single sample is taken at the start."""
    return _index(size_out) * ((size_in - 1) / max(size_out - 1, 1))


def align_corners_centred(size_in: int, size_out: int) -> Tensor:
    """As ``align_corners``, but a single sample is taken in the middle."""
    return torch.tensor([(size_in - 1) / 2]) if size_out == 1 else align_corners(size_in, size_out)


def from_start(size_in: int, size_out: int) -> Tensor:
    """Samples at multiples of the scale, from the first pixel on."""
    return _index(size_out) * (size_in / size_out)


def offset_corners(size_in: int, size_out: int) -> Tensor:
    """The span between the outer pixels in equal cells, sampled at their centres."""
    return (_index(size_out) + 0.5) * (max(1, size_in - 1) / size_out)


def pixel_centres(size_in: int, size_out: int) -> Tensor:
    """Both pictures cover the same area; samples are at pixel centres (torch's ``align_corners=False``)."""
    return (_index(size_out) + 0.5) * (size_in / size_out) - 0.5


GRIDS: dict[str, Grid] = {
    "STRICT_ALIGN_CORNERS": align_corners,
    "ALIGN_CORNERS": align_corners_centred,
    "DEFAULT": from_start,
    "OFFSET_CORNERS": offset_corners,
    "UNALIGN_CORNERS": pixel_centres,
}


def interpolate(x: Tensor, dim: int, size_out: int, grid: Grid) -> Tensor:
    """``x`` resampled along ``dim`` to ``size_out``, linearly, positions limited to the input."""
    size_in = int(x.shape[dim])
    position = grid(size_in, size_out).clamp(0, size_in - 1)
    below = position.floor().long()
    above = (below + 1).clamp(max=size_in - 1)
    shape = [1] * x.dim()
    shape[dim] = size_out
    fraction = (position - below).to(x.dtype).reshape(shape)
    low = x.index_select(dim, below)
    return low + (x.index_select(dim, above) - low) * fraction


def resize_bilinear(arguments: Arguments) -> Tensor:
    """``x`` (..., H, W) at the target size."""
    mode = arguments.text("sampling_mode", "DEFAULT")
    if mode not in GRIDS:
        raise ReblurError(f"sampling mode '{mode}' is not known; known are {', '.join(GRIDS)}")
    rows = interpolate(arguments.tensor("x"), -2, arguments.integer("target_size_height", 1), GRIDS[mode])
    return interpolate(rows, -1, arguments.integer("target_size_width", 1), GRIDS[mode])


def upsample_bilinear(arguments: Arguments) -> Tensor:
    """``x`` (..., H, W) enlarged by the scale factors, the output size rounded down."""
    grid = align_corners if arguments.flag("align_corners", True) else pixel_centres
    result = arguments.tensor("x")
    for dim, name in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        # The factor is stored in 32 bits: 8 * (5 / 8) must not become 4.
        size_out = int(result.shape[dim] * arguments.number(name, 1.0) + 1e-4)
        result = interpolate(result, dim, size_out, grid)
    return result


def upsample_nearest_neighbor(arguments: Arguments) -> Tensor:
    """``x`` (..., H, W) with each pixel repeated by whole scale factors."""
    result = arguments.tensor("x")
    for dim, name in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        factor = arguments.number(name, 1.0)
        if factor != int(factor) or factor < 1:
            raise ReblurError(f"upsample_nearest_neighbor by {factor:g} is not supported; whole factors are")
        result = result.repeat_interleave(int(factor), dim)
    return result


def _index(size_out: int) -> Tensor:
    return torch.arange(size_out, dtype=torch.float64)


RESIZE_OPS: dict[str, Callable[[Arguments], Tensor]] = {
    "resize_bilinear": resize_bilinear,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}
