"""Pooling in two spatial dimensions."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from runtime.system.errors import ReblurError


def max_pool(arguments: Arguments) -> Tensor:
    """The largest value of each window of ``x`` (B, C, H, W)."""
    x, kernel, strides, pad = _windows(arguments)
    return F.max_pool2d(F.pad(x, pad, value=float("-inf")), kernel, strides)


def avg_pool(arguments: Arguments) -> Tensor:
    """The mean of each window of ``x`` (B, C, H, W); padding counts as zeros, or not at all."""
    x, kernel, strides, pad = _windows(arguments)
    total = F.avg_pool2d(F.pad(x, pad), kernel, strides)
    if not arguments.flag("exclude_padding_from_average", False) or not any(pad):
        return total
    return total / F.avg_pool2d(F.pad(x.new_ones(1, 1, *x.shape[2:]), pad), kernel, strides)


def _windows(arguments: Arguments) -> tuple[Tensor, list[int], list[int], list[int]]:
    """``x``, the kernel's size, the strides and the padding in torch's order (left, right, top, bottom)."""
    x, pad_type = arguments.tensor("x"), arguments.text("pad_type")
    if x.dim() != 4:
        raise ReblurError(f"only 2-D pooling is supported, not of {x.dim()} dimensions")
    if pad_type not in ("valid", "custom"):
        raise ReblurError(f"pooling with pad_type '{pad_type}' is not supported; valid and custom are")
    if arguments.flag("ceil_mode", False):
        raise ReblurError("pooling with ceil_mode is not supported")
    top, bottom, left, right = arguments.integers("pad", [0] * 4) if pad_type == "custom" else [0] * 4
    return x, arguments.integers("kernel_sizes"), arguments.integers("strides", [1, 1]), [left, right, top, bottom]


POOL_OPS: dict[str, Callable[[Arguments], Tensor]] = {"avg_pool": avg_pool, "max_pool": max_pool}
