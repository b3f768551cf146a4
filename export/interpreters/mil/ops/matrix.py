"""Matrix products and normalisation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil.arguments import Arguments

LAYER_NORM_EPSILON = 1e-5


def linear(arguments: Arguments) -> Tensor:
    """``x`` (..., C_in) times ``weight`` (C_out, C_in), plus ``bias``."""
    return F.linear(arguments.tensor("x"), arguments.tensor("weight"), arguments.optional_tensor("bias"))


def matmul(arguments: Arguments) -> Tensor:
    """``x`` times ``y`` over their last two dimensions, either transposed on request."""
    x, y = arguments.tensor("x"), arguments.tensor("y")
    if arguments.flag("transpose_x", False):
        x = x.transpose(-1, -2)
    if arguments.flag("transpose_y", False):
        y = y.transpose(-1, -2)
    return torch.matmul(x, y)


def softmax(arguments: Arguments) -> Tensor:
    """Exponentials of ``x`` that sum to one along ``axis``."""
    return torch.softmax(arguments.tensor("x"), arguments.integer("axis", -1))


def layer_norm(arguments: Arguments) -> Tensor:
    """``x`` with mean zero and variance one over ``axes``, then scaled and shifted."""
    x = arguments.tensor("x")
    axes = [axis % x.dim() for axis in arguments.integers("axes", range(x.dim()))]
    centred = x - x.mean(axes, keepdim=True)
    variance = (centred * centred).mean(axes, keepdim=True)
    result = centred * torch.rsqrt(variance + arguments.number("epsilon", LAYER_NORM_EPSILON))
    # Scale and shift have the sizes of the normalised axes alone, in the order of the axes.
    shape = [x.shape[axis] if axis in axes else 1 for axis in range(x.dim())]
    if "gamma" in arguments:
        result = result * arguments.tensor("gamma").reshape(shape)
    return result + arguments.tensor("beta").reshape(shape) if "beta" in arguments else result


MATRIX_OPS: dict[str, Callable[[Arguments], Tensor]] = {
    "layer_norm": layer_norm,
    "linear": linear,
    "matmul": matmul,
    "softmax": softmax,
}
