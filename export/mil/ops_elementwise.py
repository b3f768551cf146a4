"""Ops that work on each element by itself, and reductions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from export.mil.arguments import Arguments
from export.mil.dtypes import CAST_TYPES

# Added to the argument by MIL itself where the program does not say otherwise.
RSQRT_EPSILON = 1e-12
INVERSE_EPSILON = 1e-4


def unary(function: Callable[[Tensor], Tensor]) -> Callable[[Arguments], Tensor]:
    """The op that applies ``function`` to ``x``."""
    return lambda arguments: function(arguments.tensor("x"))


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Arguments], Tensor]:
    """The op that applies ``function`` to ``x`` and ``y``, broadcast as NumPy does."""
    return lambda arguments: function(arguments.tensor("x"), arguments.tensor("y"))


def clip(arguments: Arguments) -> Tensor:
    """``x`` limited to [alpha, beta]."""
    return torch.clamp(arguments.tensor("x"), arguments.number("alpha"), arguments.number("beta"))


def rsqrt(arguments: Arguments) -> Tensor:
    """1 / sqrt(x + epsilon)."""
    return torch.rsqrt(arguments.tensor("x") + arguments.number("epsilon", RSQRT_EPSILON))


def inverse(arguments: Arguments) -> Tensor:
    """1 / (x + epsilon): not the exact reciprocal, unless the program sets epsilon to 0."""
    return torch.reciprocal(arguments.tensor("x") + arguments.number("epsilon", INVERSE_EPSILON))


def cast(arguments: Arguments) -> Tensor:
    """``x`` in another type; a float becomes an integer by dropping its fraction."""
    wanted = arguments.text("dtype")
    if wanted not in CAST_TYPES:
        raise ValueError(f"cast to '{wanted}' is not supported; these are: {', '.join(CAST_TYPES)}")
    return arguments.tensor("x").to(CAST_TYPES[wanted])


def reduction(function: Callable[..., Tensor]) -> Callable[[Arguments], Tensor]:
    """The op that applies ``function`` over ``axes`` (all of them without that argument)."""

    def reduce(arguments: Arguments) -> Tensor:
        x = arguments.tensor("x")
        axes = arguments.integers("axes", range(x.dim()))
        return function(x, dim=axes, keepdim=arguments.flag("keep_dims", False))

    return reduce


ELEMENTWISE_OPS: dict[str, Callable[[Arguments], Tensor]] = {
    "abs": unary(torch.abs),
    "exp": unary(torch.exp),
    "relu": unary(torch.relu),
    "sigmoid": unary(torch.sigmoid),
    "sqrt": unary(torch.sqrt),
    "square": unary(torch.square),
    "tanh": unary(torch.tanh),
    "add": binary(torch.add),
    "maximum": binary(torch.maximum),
    "minimum": binary(torch.minimum),
    "mul": binary(torch.mul),
    "pow": binary(torch.pow),
    "real_div": binary(torch.div),
    "sub": binary(torch.sub),
    "cast": cast,
    "clip": clip,
    "inverse": inverse,
    "rsqrt": rsqrt,
    "reduce_mean": reduction(torch.mean),
    "reduce_sum": reduction(torch.sum),
}
