"""Layouts of a TFLite graph, and what the converter must be told to keep them.

NHWC   inputs, outputs and everything between: what GPU delegates want, where one transpose costs more than a
       convolution. The blur's shifted slices then are of three interleaved channels, which CPUs read slowly.
NCHW   inputs, outputs and the blur; convolutions, where there are any, are NHWC in any TFLite file, so there is a
       transpose before and after them. The blur is the faster so on a CPU: ``benchmarks/latency.py`` has both.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.graphs.separable_blur import Refocus, SeparableBlur
from runtime.manifest.records import Layout
from runtime.system.errors import ReblurError

LAYOUTS: tuple[Layout, ...] = ("NHWC", "NCHW")


class ThreeChannelSigma(nn.Module):
    """The refocusing graph with its sigma map copied to three channels first; the result is the same.

    In NHWC a map of one channel meets a picture of three pixel by pixel, which no interpreter vectorises. With
    equal shapes the blur is much faster on a CPU, although it computes its weights three times.
    """

    def __init__(self, refocus: Refocus) -> None:
        super().__init__()
        self.refocus = refocus

    def forward(self, sharp: Tensor, target_sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB in [0, 1], (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        return self.refocus(sharp, torch.cat([target_sigma_px] * 3, dim=1))


def to_layout(x: Tensor, layout: Layout) -> Tensor:
    """(B, C, H, W) -> the same tensor in ``layout``, contiguous."""
    return channels_last(x) if layout == "NHWC" else x.contiguous()


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C), contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


def convert(module: nn.Module, example_inputs: Sequence[Tensor], outputs: int, layout: Layout) -> bytes:
    """Convert a module; the file's inputs and outputs are in ``layout``.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input.
        outputs: how many there are.
        layout: of the file.

    Raises:
        ReblurError: litert-torch has changed where this project reaches into it.
    """
    import litert_torch

    if layout == "NHWC":
        inputs = list(range(len(example_inputs)))
        module = litert_torch.to_channel_last_io(_with_wide_sigma(module), args=inputs, outputs=list(range(outputs)))
    with _concatenations_laid_out(layout):
        converted = litert_torch.convert(module.eval(), tuple(to_layout(x, layout) for x in example_inputs))
    return converted.model_content()


def _with_wide_sigma(module: nn.Module) -> nn.Module:
    """The module, every ``Refocus`` in it as ``ThreeChannelSigma``; itself where there is none."""
    if isinstance(module, Refocus):
        return ThreeChannelSigma(module)
    if not any(isinstance(part, Refocus) for part in module.modules()):
        return module
    module = copy.deepcopy(module)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Refocus):
                setattr(parent, name, ThreeChannelSigma(child))
    return module


@contextmanager
def _concatenations_laid_out(layout: Layout) -> Iterator[None]:
    """Tell litert-torch's layout pass, for a while, that concatenations are NHWC like the convolutions after them.

    The pass may leave what stands before the first convolution in NCHW at no more transposes by its count; the
    deblurring network's inputs would then be transposed before they are joined, and once more after. In NCHW the
    blur's own concatenations are left to the pass, which finds that they need no transpose at all.
    """
    check = _layout_check()
    registry = check.nhwcable_node_checkers

    def is_channels_last(node: torch.fx.Node) -> Any:
        possible = check.is_4d(node) and check.all_layout_sensitive_inputs_are_4d(node)
        return check.NHWCable(can_be=possible, must_be=possible and (layout == "NHWC" or not _is_in_blur(node)))

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


def _is_in_blur(node: torch.fx.Node) -> bool:
    """Whether a node was traced inside ``SeparableBlur``."""
    stack = node.meta.get("nn_module_stack") or {}
    return any(str(kind).endswith(SeparableBlur.__qualname__) or kind is SeparableBlur for _, kind in stack.values())


def feeds_of(samples: Sequence[Sequence[Tensor]], names: Sequence[str], layout: Layout) -> list[dict[str, np.ndarray]]:
    """Representative inputs as the file takes them, by name."""
    return [{name: to_layout(x, layout).numpy() for name, x in zip(names, sample, strict=True)} for sample in samples]
