"""Rewrites a U-Net for XNNPACK as ExecuTorch calls it: same weights, same result, no large convolution that strides.

| was | becomes | why |
|---|---|---|
| head: transposed convolution 2x2, stride 2 | a 1x1 convolution and a shuffle of its channels | XNNPACK computes it pixel by pixel, four times |
| the finest such convolution before it | two 1x1 convolutions, one for each row of a block, whose rows are laced | the same; with many channels, copying rows is cheaper than shuffling |
| stem 6x6, stride 2 | blocks to channels, and a 3x3 convolution | int8 kernels read channels by eights, of which a picture fills three |

XNNPACK keeps pixels channel by channel, (H, W, C). There a row of blocks (W, 2 x C) is a row of pixels (2 W, C) without
anything being moved, and rows are laced by copying whole ones. The coarser convolutions stay: rewritten, they would
take more room in the file than they save time. TFLite files are rewritten by ``export.formats.tflite.strided_convs``, since its
converter makes transposes of what stands here.
"""  # noqa: E501  (a table)

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from train.networks.unet import UNet

FACTOR = 2
"""Between the resolutions."""


class ShuffledUp(nn.Module):
    """The equal of a transposed 2x2 convolution of stride 2, for few channels."""

    def __init__(self, transposed: nn.ConvTranspose2d) -> None:
        super().__init__()
        inputs, self.channels = transposed.weight.shape[:2]
        self.conv = nn.Conv2d(inputs, FACTOR * FACTOR * self.channels, 1)
        assert self.conv.bias is not None
        assert transposed.bias is not None
        # (I, C, row, column) -> (C, row, column, I)
        self.conv.weight.data = transposed.weight.detach().permute(1, 2, 3, 0).reshape(-1, inputs, 1, 1).clone()
        self.conv.bias.data = transposed.bias.detach().repeat_interleave(FACTOR * FACTOR)

    def forward(self, x: Tensor) -> Tensor:
        """(1, I, h, w) -> (1, C, 2 h, 2 w)."""
        height, width = int(x.shape[2]), int(x.shape[3])
        blocks = self.conv(x).view(self.channels, FACTOR, FACTOR, height, width).permute(0, 3, 1, 4, 2).contiguous()
        return blocks.view(1, self.channels, FACTOR * height, FACTOR * width)


class LacedUp(nn.Module):
    """The equal of a transposed 2x2 convolution of stride 2, for many channels."""

    def __init__(self, transposed: nn.ConvTranspose2d) -> None:
        super().__init__()
        weight, bias = transposed.weight.detach(), transposed.bias
        inputs, self.channels = weight.shape[:2]
        self.rows = nn.ModuleList(nn.Conv2d(inputs, FACTOR * self.channels, 1) for _ in range(FACTOR))
        for row, conv in enumerate(self.rows):
            assert isinstance(conv, nn.Conv2d)
            assert conv.bias is not None
            assert bias is not None
            # (I, C, column) -> (column, C, I): the channels of a block's left pixel, then of its right one.
            conv.weight.data = weight[:, :, row].permute(2, 1, 0).reshape(-1, inputs, 1, 1).clone()
            conv.bias.data = bias.detach().repeat(FACTOR)

    def forward(self, x: Tensor) -> Tensor:
        """(1, I, h, w) -> (1, C, 2 h, 2 w)."""
        height, width = int(x.shape[2]), int(x.shape[3])
        rows = [
            conv(x).permute(0, 2, 3, 1).contiguous().view(1, height, FACTOR * width, self.channels)
            for conv in self.rows
        ]  # each (1, h, 2 w, C)
        laced = torch.cat(rows, 2).view(1, FACTOR * height, FACTOR * width, self.channels)
        return laced.permute(0, 3, 1, 2)


class BlockStem(nn.Module):
    """The equal of a 6x6 convolution of stride 2 and padding 2."""

    def __init__(self, stem: nn.Conv2d) -> None:
        super().__init__()
        outputs, channels = stem.weight.shape[:2]
        self.conv = nn.Conv2d(FACTOR * FACTOR * channels, outputs, 3, padding=1)
        assert self.conv.bias is not None
        assert stem.bias is not None
        blocks = stem.weight.detach().reshape(outputs, channels, 3, FACTOR, 3, FACTOR).permute(0, 3, 5, 1, 2, 4)
        self.conv.weight.data = blocks.reshape(outputs, FACTOR * FACTOR * channels, 3, 3).clone()
        self.conv.bias.data = stem.bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """(1, I, H, W) -> (1, O, H/2, W/2)."""
        _, channels, height, width = (int(size) for size in x.shape)
        blocks = x.view(channels, height // FACTOR, FACTOR, width // FACTOR, FACTOR).permute(2, 4, 0, 1, 3).contiguous()
        return self.conv(blocks.view(1, FACTOR * FACTOR * channels, height // FACTOR, width // FACTOR))


def without_strides(module: nn.Module) -> nn.Module:
    """A copy of a graph in which every U-Net is rewritten. It takes one picture at a time.

    Args:
        module: in eval mode.
    """
    rewritten = copy.deepcopy(module)
    for unet in (part for part in rewritten.modules() if isinstance(part, UNet)):
        unet.set_submodule("stem", BlockStem(unet.stem))
        finest = unet.ups[0]
        if isinstance(finest, nn.ConvTranspose2d):
            unet.ups[0] = LacedUp(finest)
        if isinstance(unet.head, nn.ConvTranspose2d):
            unet.set_submodule("head", ShuffledUp(unet.head))
    return rewritten.eval().requires_grad_(False)
