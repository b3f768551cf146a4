"""Convolution and its transpose, in two spatial dimensions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from runtime.system.errors import ReblurError


def conv(arguments: Arguments) -> Tensor:
    """Convolution of ``x`` (B, C_in, H, W) with ``weight`` (C_out, C_in / groups, KH, KW)."""
    x, weight = _operands(arguments)
    strides, dilations, groups = _geometry(arguments)
    top, bottom, left, right = _padding(arguments, weight, strides, dilations)
    padding = [top, left]
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom)), [0, 0]
    return F.conv2d(x, weight, arguments.optional_tensor("bias"), strides, padding, dilations, groups)


def conv_transpose(arguments: Arguments) -> Tensor:
    """Transposed convolution of ``x`` (B, C_in, H, W) with ``weight`` (C_in, C_out / groups, KH, KW).

    Computed to its full extent, then cropped at the top left by the padding and cut, or filled up with zeros,
    to the declared output size: this covers one-sided padding and ``output_shape``.
    """
    x, weight = _operands(arguments)
    strides, dilations, groups = _geometry(arguments)
    if arguments.text("pad_type", "valid") not in ("valid", "custom"):
        raise ReblurError(f"conv_transpose with pad_type '{arguments.text('pad_type')}' is not supported")
    top, bottom, left, right = _padding(arguments, weight, strides, dilations)
    full = F.conv_transpose2d(x, weight, None, strides, 0, 0, groups, dilations)
    size = [full.shape[2] - top - bottom, full.shape[3] - left - right]
    if "output_shape" in arguments:
        size = arguments.integers("output_shape")[2:]
    missing_rows = max(top + size[0] - full.shape[2], 0)
    missing_columns = max(left + size[1] - full.shape[3], 0)
    full = F.pad(full, (0, missing_columns, 0, missing_rows))
    result = full[:, :, top : top + size[0], left : left + size[1]]
    bias = arguments.optional_tensor("bias")
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def _operands(arguments: Arguments) -> tuple[Tensor, Tensor]:
    x, weight = arguments.tensor("x"), arguments.tensor("weight")
    if x.dim() != 4 or weight.dim() != 4:
        raise ReblurError(f"only 2-D convolutions are supported, not of {x.dim()} by {weight.dim()} dimensions")
    return x, weight


def _geometry(arguments: Arguments) -> tuple[list[int], list[int], int]:
    """Strides (2), dilations (2) and the number of groups."""
    return (
        arguments.integers("strides", [1, 1]),
        arguments.integers("dilations", [1, 1]),
        arguments.integer("groups", 1),
    )


def _padding(arguments: Arguments, weight: Tensor, strides: list[int], dilations: list[int]) -> list[int]:
    """Rows or columns added at the top, bottom, left and right."""
    pad_type = arguments.text("pad_type", "valid")
    if pad_type == "valid":
        return [0, 0, 0, 0]
    if pad_type == "custom":
        return arguments.integers("pad", [0, 0, 0, 0])
    if pad_type not in ("same", "same_lower"):
        raise ReblurError(f"pad_type '{pad_type}' is not known; known are valid, custom, same, same_lower")
    extents = [(int(weight.shape[2 + axis]) - 1) * dilations[axis] + 1 for axis in (0, 1)]
    # Where the padding is uneven, the specification contradicts itself about the side that gets the odd row.
    if strides != [1, 1] or any(extent % 2 == 0 for extent in extents):
        raise ReblurError(
            f"pad_type '{pad_type}' is supported for stride 1 and odd kernels, not for strides {strides} and "
            f"kernel extents {extents}; give explicit padding"
        )
    return [extents[0] // 2, extents[0] // 2, extents[1] // 2, extents[1] // 2]


CONV_OPS: dict[str, Callable[[Arguments], torch.Tensor]] = {"conv": conv, "conv_transpose": conv_transpose}
