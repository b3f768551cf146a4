"""Ops that work on each element by itself, and reductions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.dtypes import CAST_TYPES
from runtime.system.errors import ReblurError

# Added to the argument by MIL itself where the program does not say otherwise.
RSQRT_EPSILON = 1e-12
INVERSE_EPSILON = 1e-4
LOG_EPSILON = 1e-45

GELU_MODES: dict[str, Callable[[Tensor], Tensor]] = {
    "EXACT": lambda x: F.gelu(x),
    "TANH_APPROXIMATION": lambda x: F.gelu(x, approximate="tanh"),
    "SIGMOID_APPROXIMATION": lambda x: x * torch.sigmoid(1.702 * x),
}


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


def log(arguments: Arguments) -> Tensor:
    """The natural logarithm of x + epsilon."""
    return torch.log(arguments.tensor("x") + arguments.number("epsilon", LOG_EPSILON))


def gelu(arguments: Arguments) -> Tensor:
    """``x`` weighted by the normal distribution's cumulative function, exact or approximated."""
    mode = arguments.text("mode", "EXACT")
    if mode not in GELU_MODES:
        raise ReblurError(f"gelu mode '{mode}' is not known; known are {', '.join(GELU_MODES)}")
    return GELU_MODES[mode](arguments.tensor("x"))


def leaky_relu(arguments: Arguments) -> Tensor:
    """``x`` where it is positive, ``alpha`` times ``x`` elsewhere."""
    return F.leaky_relu(arguments.tensor("x"), arguments.number("alpha", 0.01))


def select(arguments: Arguments) -> Tensor:
    """``a`` where ``cond`` holds, ``b`` elsewhere."""
    return torch.where(arguments.tensor("cond").bool(), arguments.tensor("a"), arguments.tensor("b"))


def cast(arguments: Arguments) -> Tensor:
    """``x`` in another type; a float becomes an integer by dropping its fraction."""
    wanted = arguments.text("dtype")
    if wanted not in CAST_TYPES:
        raise ReblurError(f"cast to '{wanted}' is not supported; these are: {', '.join(CAST_TYPES)}")
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
    "erf": unary(torch.erf),
    "exp": unary(torch.exp),
    "floor": unary(torch.floor),
    "relu": unary(torch.relu),
    "relu6": unary(F.relu6),
    "sigmoid": unary(torch.sigmoid),
    "silu": unary(F.silu),
    "softplus": unary(F.softplus),
    "sqrt": unary(torch.sqrt),
    "square": unary(torch.square),
    "tanh": unary(torch.tanh),
    "add": binary(torch.add),
    "greater": binary(torch.gt),
    "greater_equal": binary(torch.ge),
    "less": binary(torch.lt),
    "less_equal": binary(torch.le),
    "maximum": binary(torch.maximum),
    "minimum": binary(torch.minimum),
    "mul": binary(torch.mul),
    "pow": binary(torch.pow),
    "real_div": binary(torch.div),
    "sub": binary(torch.sub),
    "cast": cast,
    "clip": clip,
    "gelu": gelu,
    "inverse": inverse,
    "leaky_relu": leaky_relu,
    "log": log,
    "rsqrt": rsqrt,
    "select": select,
    "reduce_max": reduction(torch.amax),
    "reduce_mean": reduction(torch.mean),
    "reduce_min": reduction(torch.amin),
    "reduce_sum": reduction(torch.sum),
}
