"""Faults that are made before a file is written: each takes a bundle and gives one whose files are wrong.

The files are then written by the export's own writers, so that what is tried is what such a fault would ship.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from export.artifacts.shared_inputs import GraphBundle
from export.faults.file_faults import Change, convolutions, exchange_red_and_green, hole, largest_convolution, zeros
from export.graphs.refocus import Preview
from export.graphs.specs import GraphSpec

DARK = 0.1
"""Brightness of the pictures that a stale calibration saw, relative to those in use."""
PICTURE_MEAN, PICTURE_DEVIATION = 0.45, 0.225
"""About what networks trained on ImageNet expect a picture to be standardised by."""
SIGMA_FACTOR = 1.1
LARGEST_FP16 = 65504.0
OVERFLOW = 4.0
"""How far beyond the largest fp16 number the overflowing tensor goes."""

Inputs = tuple[Tensor, ...]


class Wrapped(nn.Module):
    """A graph with something done to what goes in or what comes out, which should not be.

    Args:
        graph: the right one.
        before: inputs -> inputs.
        after: output, inputs -> output.
    """

    def __init__(
        self,
        graph: nn.Module,
        before: Callable[[Inputs], Inputs] | None = None,
        after: Callable[[Tensor, Inputs], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.right = graph
        self.before, self.after = before, after

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, C, H, W) tensors -> (B, C, H, W)."""
        given = self.before(inputs) if self.before else inputs
        result: Tensor = self.right(*given)
        return self.after(result, inputs) if self.after else result


def read_blue_first(bundle: GraphBundle) -> GraphBundle:
    """The picture's channels are taken for blue, green, red."""
    return _wrapped(bundle, before=lambda given: (_reversed(given[0]), *given[1:]))


def divide_again(bundle: GraphBundle) -> GraphBundle:
    """The picture is divided by 255 although it is in [0, 1] already."""
    return _wrapped(bundle, before=lambda given: (given[0] * (1.0 / 255.0), *given[1:]))


def standardise(bundle: GraphBundle) -> GraphBundle:
    """A mean is subtracted from the picture, and it is divided by a deviation, which the network never saw."""
    factor = 1.0 / PICTURE_DEVIATION
    return _wrapped(bundle, before=lambda given: ((given[0] - PICTURE_MEAN) * factor, *given[1:]))


def misread_layout(bundle: GraphBundle) -> GraphBundle:
    """The picture's numbers, pixel by pixel (NHWC), are taken for plane by plane (NCHW); the shape outside is right."""
    return _wrapped(bundle, before=lambda given: (_misread(given[0]), *given[1:]))


def shift_output(bundle: GraphBundle) -> GraphBundle:
    """What comes out is one pixel too far to the right."""
    return _wrapped(bundle, after=lambda result, _: _shifted(result))


def shift_residual(bundle: GraphBundle) -> GraphBundle:
    """What the network adds to the picture is one pixel too far to the right; the picture stays where it is."""
    return _wrapped(bundle, after=lambda result, given: given[0] + _shifted(result - given[0]))


def swap_channels(bundle: GraphBundle) -> GraphBundle:
    """Red and green change places in the weights of the first convolution."""
    return _with_weight(bundle, 0, exchange_red_and_green)


def zero_head(bundle: GraphBundle) -> GraphBundle:
    """The last convolution has no weights."""
    return _with_weight(bundle, -1, zeros)


def hole_in_largest(bundle: GraphBundle) -> GraphBundle:
    """Some of the weights of the largest convolution are zero."""

    def changed(module: nn.Module) -> nn.Module:
        weight = largest_convolution(module).weight
        with torch.no_grad():
            weight.copy_(torch.from_numpy(hole(weight.numpy())))
        return module

    return _with_modules(bundle, changed)


def return_input(bundle: GraphBundle) -> GraphBundle:
    """The picture comes out as it went in, whatever the map says."""
    return _wrapped(bundle, after=lambda result, given: given[0] + 0.0 * result)


def enlarge_sigma_in(bundle: GraphBundle) -> GraphBundle:
    """The sigma map that goes in is taken for a larger one."""
    return _wrapped(bundle, before=lambda given: (given[0], given[1] * SIGMA_FACTOR))


def swap_near_and_far(bundle: GraphBundle) -> GraphBundle:
    """What lies in front is taken for what lies behind."""
    return _wrapped(bundle, before=lambda given: (given[0], given[1] * -1.0))


def ignore_occlusion(bundle: GraphBundle) -> GraphBundle:
    """The quick blur in the place of the one with layers."""
    return _with_modules(bundle, lambda module: Preview().eval())


def enlarge_sigma_out(bundle: GraphBundle) -> GraphBundle:
    """The sigma map that comes out is too large."""
    return _wrapped(bundle, after=lambda result, _: result * SIGMA_FACTOR)


def calibrate_on_dark_pictures(bundle: GraphBundle) -> GraphBundle:
    """The ranges of int8 come from pictures that are much darker than those in use."""
    dark = [(picture * DARK, *rest) for picture, *rest in bundle.samples]
    return dataclasses.replace(bundle, samples=dark)


def overflow_fp16(bundle: GraphBundle) -> GraphBundle:
    """Between two layers the numbers leave what fp16 can hold; in fp32 not a bit of the result changes."""
    return _with_modules(bundle, lambda module: _scaled_between(module, bundle))


def _wrapped(
    bundle: GraphBundle,
    before: Callable[[Inputs], Inputs] | None = None,
    after: Callable[[Tensor, Inputs], Tensor] | None = None,
) -> GraphBundle:
    return _with_modules(bundle, lambda module: Wrapped(module, before, after))


def _with_weight(bundle: GraphBundle, position: int, change: Change) -> GraphBundle:
    """The bundle with the weight of one convolution changed."""

    def changed(module: nn.Module) -> nn.Module:
        weight = convolutions(module)[position].weight
        with torch.no_grad():
            weight.copy_(torch.from_numpy(np.ascontiguousarray(change(weight.numpy()))))
        return module

    return _with_modules(bundle, changed)


def _with_modules(bundle: GraphBundle, change: Callable[[nn.Module], nn.Module]) -> GraphBundle:
    """The bundle with both its modules changed; the given ones stay as they are."""

    def changed(spec: GraphSpec) -> GraphSpec:
        return dataclasses.replace(spec, module=change(copy.deepcopy(spec.module)).eval())

    return dataclasses.replace(bundle, spec=changed(bundle.spec), int8_spec=changed(bundle.int8_spec))


def _reversed(picture: Tensor) -> Tensor:
    """(B, 3, H, W) -> the same with its channels in reverse order, in operators that every delegate takes."""
    return torch.cat([picture[:, 2:3], picture[:, 1:2], picture[:, 0:1]], dim=1)


def _misread(picture: Tensor) -> Tensor:
    """(B, C, H, W) -> the same shape, filled in order from (B, H, W, C)."""
    return picture.permute(0, 2, 3, 1).reshape(picture.shape)


def _shifted(value: Tensor) -> Tensor:
    """(B, C, H, W), one pixel to the right; the first column is repeated."""
    return torch.cat([value[:, :, :, :1], value[:, :, :, :-1]], dim=3)


def _scaled_between(module: nn.Module, bundle: GraphBundle) -> nn.Module:
    """Scale what the last strided convolution gives by a power of two, and back after its ReLU."""
    down = [part for part in module.modules() if isinstance(part, nn.Sequential) and _is_down(part)][-1]
    conv, case = down[0], bundle.cases[0]
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    with torch.no_grad():
        seen: list[float] = []
        hook = conv.register_forward_hook(lambda _, __, result: seen.append(float(result.max())))
        module(*(torch.from_numpy(value) for value in case.inputs.values()))
        hook.remove()
        factor = 2.0 ** math.ceil(math.log2(OVERFLOW * LARGEST_FP16 / seen[0]))
        conv.weight *= factor
        conv.bias *= factor
    down.append(_Times(1.0 / factor))
    return module


def _is_down(part: nn.Sequential) -> bool:
    """Whether this is a strided convolution and its ReLU."""
    return len(part) == 2 and isinstance(part[0], nn.Conv2d) and part[0].stride == (2, 2)


class _Times(nn.Module):
    """A product with a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        return x * self.factor
