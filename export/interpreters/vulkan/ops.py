"""Every op the interpreter knows, by the name it has in the file: aten's, or et_vk's for what the delegate fuses."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.vulkan.arguments import Arguments
from runtime.system.errors import ReblurError

OpFunction = Callable[[Arguments], Tensor]

PREPACK = "et_vk.prepack.default"
"""Brings a constant into GPU memory, once."""
CLONE = "aten.clone.default"
"""Copies a tensor, as a rule into another memory layout."""


def unary(function: Callable[[Tensor], Tensor]) -> OpFunction:
    """The op that applies ``function`` to its one tensor."""
    return lambda arguments: function(arguments.tensor(0))


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> OpFunction:
    """The op that applies ``function`` to two tensors, broadcast."""
    return lambda arguments: function(arguments.tensor(0), arguments.tensor(1))


def scaled(sign: float) -> OpFunction:
    """The op that adds the second tensor ``sign`` * alpha times to the first one."""
    return lambda arguments: arguments.tensor(0) + sign * arguments.number(2) * arguments.tensor(1)


def clamp(arguments: Arguments) -> Tensor:
    """The tensor limited to [low, high], either of which may be missing."""
    low, high = arguments.optional_number(1, -math.inf), arguments.optional_number(2, math.inf)
    return torch.clamp(arguments.tensor(0), low, high)


def cat(arguments: Arguments) -> Tensor:
    """The tensors one after the other along a dimension."""
    return torch.cat(arguments.tensors(0), arguments.count(1))


def slice_copy(arguments: Arguments) -> Tensor:
    """Every ``step``-th plane of a dimension, from ``start`` up to and without ``end``."""
    x, dim = arguments.tensor(0), arguments.count(1)
    size = x.shape[dim]
    start, end = arguments.count(2, default=0), arguments.count(3, default=size)
    start, end = (min(max(i + size if i < 0 else i, 0), size) for i in (start, end))
    planes = torch.arange(start, end, arguments.count(4))
    return x.index_select(dim, planes)


def convolution(arguments: Arguments) -> Tensor:
    """A convolution, transposed or not, as far as the runtime has shaders for it.

    Arguments: input, weight, bias, stride, padding, dilation, transposed, output padding, groups.
    """
    x, weight, bias = arguments.tensor(0), arguments.tensor(1), arguments.optional_tensor(2)
    stride, padding, dilation = (arguments.integers(i) for i in (3, 4, 5))
    transposed, output_padding, groups = arguments.flag(6), arguments.integers(7), arguments.whole(8)
    is_depthwise = not transposed and weight.shape[0] == groups and weight.shape[1] == 1
    if groups > 1 and not is_depthwise:
        raise ReblurError(f"the runtime has no convolution in {groups} groups, unless one for each channel")
    if x.shape[0] > 1:
        raise ReblurError(f"the runtime convolves one picture at a time, not {x.shape[0]}")
    if transposed and max(dilation) > 1:
        raise ReblurError("the runtime has no transposed convolution with dilation")
    return torch.convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups)


def conv_with_clamp(arguments: Arguments) -> Tensor:
    """A convolution whose result is limited to the last two arguments before it is stored."""
    low, high = arguments.optional_number(9, -math.inf), arguments.optional_number(10, math.inf)
    return torch.clamp(convolution(arguments), low, high)


def avg_pool(arguments: Arguments) -> Tensor:
    """Means over windows. Arguments: input, kernel, stride, padding, ceil, whether padding counts, divisor."""
    padding, counts_padding = arguments.integers(3), arguments.flag(5)
    if any(padding) and counts_padding:
        raise ReblurError("means that count what lies beyond the picture are not supported")
    x, kernel, stride = arguments.tensor(0), arguments.integers(1), arguments.integers(2)
    return F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)


def upsample_bilinear(arguments: Arguments) -> Tensor:
    """The picture at another size. Arguments: input, size, whether corners are aligned, factors."""
    if arguments.flag(2):
        raise ReblurError("enlarging with aligned corners is not supported")
    result = F.interpolate(arguments.tensor(0), scale_factor=arguments.numbers(3), mode="bilinear", align_corners=False)
    return result


MOVES: dict[str, OpFunction] = {
    "aten.cat.default": cat,
    CLONE: unary(torch.clone),
    "aten.slice_copy.Tensor": slice_copy,
    PREPACK: unary(torch.clone),
}
"""Ops that move values without computing, so that there is nothing to round."""
OPS: dict[str, OpFunction] = {
    **MOVES,
    "aten.abs.default": unary(torch.abs),
    "aten.add.Tensor": scaled(1.0),
    "aten.avg_pool2d.default": avg_pool,
    "aten.clamp.default": clamp,
    "aten.convolution.default": convolution,
    "aten.cos.default": unary(torch.cos),
    "aten.div.Tensor": binary(torch.div),
    "aten.exp.default": unary(torch.exp),
    "aten.hardtanh.default": clamp,
    "aten.minimum.default": binary(torch.minimum),
    "aten.mul.Tensor": binary(torch.mul),
    "aten.neg.default": unary(torch.neg),
    "aten.relu.default": unary(torch.relu),
    "aten.rsqrt.default": unary(torch.rsqrt),
    "aten.sigmoid.default": unary(torch.sigmoid),
    "aten.sin.default": unary(torch.sin),
    "aten.sqrt.default": unary(torch.sqrt),
    "aten.sub.Tensor": scaled(-1.0),
    "aten.tanh.default": unary(torch.tanh),
    "aten.upsample_bilinear2d.vec": upsample_bilinear,
    "et_vk.conv_with_clamp.default": conv_with_clamp,
}
CONVOLUTIONS = frozenset({"aten.convolution.default", "et_vk.conv_with_clamp.default"})


def find_op(name: str) -> OpFunction:
    """The function for an op.

    Raises:
        ReblurError: the interpreter does not know it; names it and the known ones.
    """
    if name not in OPS:
        raise ReblurError(f"op '{name}' is not supported; supported: {', '.join(sorted(OPS))}")
    return OPS[name]
