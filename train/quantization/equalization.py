"""Rescaling the channels of a U-Net without changing what it computes, so that int8 rounds them alike.

All channels of an activation share one range in int8, which the largest of them sets. The finest level of a U-Net is
linear or ReLU from its stem to its head, so each of its channels can be multiplied by a positive number there and
divided by it wherever it is read. (The equalisation of Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019, carried through skips and residual blocks.)
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from train.networks.unet import ResidualConv, UNet
from train.quantization.fake_quant import Inputs

POWER = 0.5
"""0 leaves the channels as they are, 1 makes the stem's all equally large. The scales hold for the decoder of the
finest level too, which has its own ranges: half way serves both."""


@torch.no_grad()
def equalise_stem(network: nn.Module, unet: UNet, samples: Iterable[Inputs], power: float = POWER) -> None:
    """Bring the channels of the stem closer to each other in size, in place.

    Args:
        network: takes the samples.
        unet: within it.
        samples: representative inputs; at least one.
        power: of the ratio of the largest channel to each.
    """
    peaks: list[Tensor] = []
    hook = unet.stem.register_forward_hook(lambda module, inputs, output: peaks.append(output.abs().amax((0, 2, 3))))
    try:
        for sample in samples:
            network(*sample)
    finally:
        hook.remove()
    peak = torch.stack(peaks).amax(0)
    scale = (peak.max() / peak.clamp(min=1e-3 * float(peak.max()))) ** power
    rescale_finest(unet, scale / scale.log().mean().exp())


@torch.no_grad()
def rescale_finest(unet: UNet, scale: Tensor) -> None:
    """Multiply the channels of the finest level by ``scale`` (C_0,), all positive, and divide where they are read."""
    _scale_outputs(unet.stem, scale)
    finest = [*unet.encoders[0].modules(), *unet.decoders[0].modules()]
    for block in (module for module in finest if isinstance(module, ResidualConv)):
        _scale_inputs(block.conv, scale)
        _scale_outputs(block.conv, scale)
    _scale_inputs(unet.downs[0].get_submodule("0"), scale)
    _scale_outputs(unet.ups[0], scale)
    _scale_inputs(unet.head, scale)


def _scale_outputs(conv: nn.Module, scale: Tensor) -> None:
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    assert conv.bias is not None
    conv.weight *= _along(scale, 1 if isinstance(conv, nn.ConvTranspose2d) else 0)
    conv.bias *= scale


def _scale_inputs(conv: nn.Module, scale: Tensor) -> None:
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    conv.weight /= _along(scale, 0 if isinstance(conv, nn.ConvTranspose2d) else 1)


def _along(scale: Tensor, axis: int) -> Tensor:
    """(C,) shaped to multiply (.., C, .., K, K) along ``axis``, 0 or 1."""
    return scale[:, None, None, None] if axis == 0 else scale[None, :, None, None]
