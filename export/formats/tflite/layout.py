"""TFLite files are channels last, inputs, outputs and all between: and what the converter must be told to keep them so.

It is what GPU delegates want, where one transpose costs more than a convolution, and what convolutions of CPUs want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C), contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


def convert(module: nn.Module, example_inputs: Sequence[Tensor], outputs: int) -> bytes:
    """Convert a module.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input.
        outputs: how many there are.

    Raises:
        ReblurError: litert-torch has changed where this project reaches into it.
    """
    import litert_torch

    inputs = list(range(len(example_inputs)))
    module = litert_torch.to_channel_last_io(module, args=inputs, outputs=list(range(outputs)))
    with _concatenations_laid_out():
        converted = litert_torch.convert(module.eval(), tuple(channels_last(x) for x in example_inputs))
    return converted.model_content()


@contextmanager
def _concatenations_laid_out() -> Iterator[None]:
    """Tell litert-torch's layout pass, for a while, that concatenations are NHWC like the convolutions after them.

    The pass may leave what stands before the first convolution in NCHW at no more transposes by its count; the
    deblurring network's inputs would then be transposed before they are joined, and once more after.
    """
    check = _layout_check()
    registry = check.nhwcable_node_checkers

    def is_channels_last(node: torch.fx.Node) -> Any:
        possible = check.is_4d(node) and check.all_layout_sensitive_inputs_are_4d(node)
        return check.NHWCable(can_be=possible, must_be=possible)

    before = dict(registry)
    register: Callable[[Any], Callable[[Any], Any]] = registry.register
    register(torch.ops.aten.cat)(is_channels_last)
    try:
        yield
    finally:
        registry.clear()
        registry.update(before)


def _layout_check() -> Any:
    """The module of litert-torch, private to it, that says which operators are to be NHWC.

    Raises:
        ReblurError: it is not there, or without what is used of it here.
    """
    try:
        from litert_torch._convert.fx_passes.optimize_layout_transposes_pass import layout_check

        for name in ("nhwcable_node_checkers", "is_4d", "all_layout_sensitive_inputs_are_4d", "NHWCable"):
            getattr(layout_check, name)
    except (ImportError, AttributeError) as error:
        raise ReblurError(
            f"litert-torch {version('litert-torch')} keeps its layout pass elsewhere ({error}): "
            "install the version that reblur[export] asks for"
        ) from error
    return layout_check


def feeds_of(samples: Sequence[Sequence[Tensor]], names: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """Representative inputs as the file takes them, by name."""
    return [{name: channels_last(x).numpy() for name, x in zip(names, sample, strict=True)} for sample in samples]
