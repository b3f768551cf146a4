"""Quantised activations: to eight-bit integers and back."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from runtime.system.errors import ReblurError

RANGES: dict[str, tuple[int, int]] = {"int8": (-128, 127), "uint8": (0, 255)}
"""Output type -> its smallest and largest integer."""


def quantize(arguments: Arguments) -> Tensor:
    """Round(input / scale) + zero_point, limited to the range of ``output_dtype``; halves go to the even integer."""
    x, wanted = arguments.tensor("input"), arguments.text("output_dtype")
    if wanted not in RANGES:
        raise ReblurError(f"quantize to '{wanted}' is not supported; these are: {', '.join(RANGES)}")
    scale, zero_point = _parameters(arguments, x)
    return torch.clamp(torch.round(x / scale) + zero_point, *RANGES[wanted]).long()


def dequantize(arguments: Arguments) -> Tensor:
    """Scale * (input - zero_point)."""
    x = arguments.tensor("input")
    scale, zero_point = _parameters(arguments, x)
    return (x.float() - zero_point) * scale


def _parameters(arguments: Arguments, x: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point, each one number or one per slice along ``axis``."""
    scale = arguments.tensor("scale").float()
    zero_point = arguments.optional_tensor("zero_point")
    pair = (scale, torch.zeros(()) if zero_point is None else zero_point.float())
    if all(parameter.numel() == 1 for parameter in pair):
        return pair[0].reshape(()), pair[1].reshape(())
    shape = [1] * x.dim()
    shape[arguments.integer("axis")] = -1
    along_axis = [parameter.reshape(shape) if parameter.dim() else parameter for parameter in pair]
    return along_axis[0], along_axis[1]


QUANTIZE_OPS: dict[str, Callable[[Arguments], Tensor]] = {"dequantize": dequantize, "quantize": quantize}
