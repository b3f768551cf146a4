"""What a graph must compute and move, counted operator by operator without computing anything."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
FREE = {aten.detach.default, aten.view.default, aten.expand.default, aten.slice.Tensor, aten.permute.default,
        aten.alias.default, aten.split.Tensor, aten.select.int, aten.unsqueeze.default, aten.squeeze.dim,
        aten._unsafe_view.default, aten.transpose.int, aten.t.default}  # fmt: skip
"""Operators that only look at a tensor in another way."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Of one run of a graph."""

    macs: int
    """Multiplications with an addition, in convolutions and products of matrices; element-wise ones are not counted."""
    bytes_least: int
    """Inputs, weights and outputs, each once: what must move if nothing in between ever leaves the processor."""
    bytes_streamed: int
    """What every operator reads and writes: what moves if nothing in between stays in the processor."""

    @property
    def intensity(self) -> float:
        """MACs for each byte that must move."""
        return self.macs / self.bytes_least


class _Counting(TorchDispatchMode):
    """Adds up over the operators that run below it."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in FREE:
            return result
        self.macs += _macs(func, args, result)
        self.bytes += _bytes(tree_leaves((args, kwargs or {}, result)))
        return result


def work_of(module: nn.Module, inputs: tuple[Tensor, ...]) -> Work:
    """Count a module's work on inputs of these shapes; nothing is computed.

    Args:
        module: left as it is.
        inputs: only their shapes and types count.
    """
    import copy

    shadow = copy.deepcopy(module).to("meta")
    given = tuple(x.to("meta") for x in inputs)
    with torch.no_grad(), _Counting() as counting:
        result = shadow(*given)
    weights = [*shadow.parameters(), *shadow.buffers()]
    return Work(
        macs=counting.macs,
        bytes_least=_bytes([*given, *weights, *tree_leaves(result)]),
        bytes_streamed=counting.bytes,
    )


def _macs(func: Any, args: Any, result: Any) -> int:
    if func is aten.convolution.default:
        weight, transposed = args[1], args[6]
        # Of a transposed convolution every input pixel meets every tap; of a plain one every output pixel does.
        pixels = args[0].numel() // args[0].shape[1] if transposed else result.numel() // result.shape[1]
        return pixels * weight.numel()
    if func in (aten.mm.default, aten.addmm.default):
        first = args[-2]
        return result.numel() * int(first.shape[-1])
    if func is aten.bmm.default:
        return result.numel() * int(args[0].shape[-1])
    return 0


def _bytes(values: Iterable[Any]) -> int:
    return sum(math.prod(x.shape) * x.element_size() for x in values if isinstance(x, Tensor))
