"""Ops that only move values: slicing, joining, padding, reshaping."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from runtime.system.errors import ReblurError

PAD_MODES = ("constant", "reflect", "replicate")


def identity(arguments: Arguments) -> Tensor:
    """``x`` itself."""
    return arguments.tensor("x")


def concat(arguments: Arguments) -> Tensor:
    """``values`` joined along ``axis``."""
    if arguments.flag("interleave", False):
        raise ReblurError("concat with interleave is not supported")
    return torch.cat(arguments.tensors("values"), arguments.integer("axis"))


def split(arguments: Arguments) -> tuple[Tensor, ...]:
    """``x`` cut along ``axis`` into ``split_sizes``, or into ``num_splits`` equal parts."""
    x, axis = arguments.tensor("x"), arguments.integer("axis")
    if "split_sizes" in arguments:
        return torch.split(x, arguments.integers("split_sizes"), axis)
    return torch.split(x, x.shape[axis] // arguments.integer("num_splits"), axis)


def slice_by_index(arguments: Arguments) -> Tensor:
    """``x[begin:end:stride]`` in every dimension; masks drop a bound, or a dimension (``squeeze_mask``)."""
    x = arguments.tensor("x")
    rank = x.dim()
    begins, ends = arguments.integers("begin"), arguments.integers("end")
    strides = arguments.integers("stride", [1] * rank)
    if min(strides) < 1:
        raise ReblurError(f"slice_by_index with strides {strides} is not supported; strides of 1 and more are")
    from_start, to_end = arguments.flags("begin_mask", rank), arguments.flags("end_mask", rank)
    squeezed = arguments.flags("squeeze_mask", rank)
    index: list[int | slice] = []
    for dim in range(rank):
        begin = None if from_start[dim] else begins[dim]
        end = None if to_end[dim] else ends[dim]
        index.append(begins[dim] if squeezed[dim] else slice(begin, end, strides[dim]))
    return x[tuple(index)]


def pad(arguments: Arguments) -> Tensor:
    """``x`` with rows added before and after in its last dimensions; ``pad`` lists them first to last."""
    x, amounts = arguments.tensor("x"), arguments.integers("pad")
    mode = arguments.text("mode", "constant")
    if mode not in PAD_MODES:
        raise ReblurError(f"pad mode '{mode}' is not known; known are {', '.join(PAD_MODES)}")
    # torch counts from the last dimension backwards; dimensions without padding at the front are left out,
    # because torch reflects and replicates in the last ones only.
    while len(amounts) > 2 and amounts[:2] == [0, 0]:
        amounts = amounts[2:]
    backwards = [amount for first in range(len(amounts) - 2, -1, -2) for amount in amounts[first : first + 2]]
    if mode == "constant":
        return F.pad(x, backwards, value=arguments.number("constant_val", 0.0))
    return F.pad(x, backwards, mode=mode)


def reshape(arguments: Arguments) -> Tensor:
    """``x`` in another shape, in row-major order."""
    return arguments.tensor("x").reshape(arguments.integers("shape"))


def transpose(arguments: Arguments) -> Tensor:
    """``x`` with its dimensions in the order ``perm``."""
    return arguments.tensor("x").permute(arguments.integers("perm"))


def expand_dims(arguments: Arguments) -> Tensor:
    """``x`` with dimensions of size one at ``axes`` of the result."""
    x, axes = arguments.tensor("x"), arguments.integers("axes")
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(arguments: Arguments) -> Tensor:
    """``x`` without its dimensions of size one, or without those at ``axes``."""
    x = arguments.tensor("x")
    return x.squeeze(arguments.integers("axes")) if "axes" in arguments else x.squeeze()


def stack(arguments: Arguments) -> Tensor:
    """``values`` joined along a new dimension ``axis``."""
    return torch.stack(arguments.tensors("values"), arguments.integer("axis"))


def pixel_shuffle(arguments: Arguments) -> Tensor:
    """(B, C r r, H, W) -> (B, C, H r, W r)."""
    return F.pixel_shuffle(arguments.tensor("x"), arguments.integer("upscale_factor"))


def pixel_unshuffle(arguments: Arguments) -> Tensor:
    """(B, C, H r, W r) -> (B, C r r, H, W)."""
    return F.pixel_unshuffle(arguments.tensor("x"), arguments.integer("downscale_factor"))


SHAPE_OPS: dict[str, Callable[[Arguments], Tensor | tuple[Tensor, ...]]] = {
    "concat": concat,
    "expand_dims": expand_dims,
    "identity": identity,
    "pad": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "reshape": reshape,
    "slice_by_index": slice_by_index,
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "transpose": transpose,
}
