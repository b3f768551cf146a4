"""The U-Net the paper deblurs with: widths 64 to 1024, two convolutions a level, concatenated skips.

Source for the shape: "U-Net: Convolutional Networks for Biomedical Image Segmentation" (arXiv 1505.04597), here with
padding, so that the output is as large as the input. No normalisation: the paper trains on batches of one crop.

Shape legend: B batch, H x W pixels, C_i = widths[i] channels at 1/2^i of the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class PaperUNetConfig:
    """Size of the paper's U-Net; the default is the paper's."""

    kind: Literal["paper_unet"] = field(default="paper_unet", init=False)
    """Tells the kinds of networks apart in JSON."""
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Channels of each level, finest first; the first level works at full resolution."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ReblurError(f"widths must be 2 or more positive numbers, got {self.widths}")

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two 3x3 convolutions, a ReLU after each."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.ReLU(),
    )


def _initialise(module: nn.Module) -> None:
    """Variance-preserving start for ReLU: without normalisation PyTorch's default fades over 18 convolutions."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)


class PaperUNet(nn.Module):
    """Max-pooling on the way down, 2x2 transposed convolutions on the way up.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        config: widths.
    """

    def __init__(self, in_channels: int, out_channels: int, config: PaperUNetConfig) -> None:
        super().__init__()
        self.config = config
        finer_coarser = list(pairwise(config.widths))
        self.stem = double_conv(in_channels, config.widths[0])
        self.pool = nn.MaxPool2d(2)
        self.encoders = nn.ModuleList(double_conv(fine, coarse) for fine, coarse in finer_coarser)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in finer_coarser)
        self.decoders = nn.ModuleList(double_conv(2 * fine, fine) for fine, _ in finer_coarser)
        self.apply(_initialise)
        self.head = nn.Conv2d(config.widths[0], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W); H, W multiples of ``size_multiple``."""
        x = self.stem(x)  # (B, C_0, H, W)
        skips = []
        for encoder in self.encoders:
            skips.append(x)
            x = encoder(self.pool(x))  # (B, C_i+1, H/2^(i+1), W/2^(i+1))
        for level in reversed(range(len(skips))):
            x = torch.cat([skips[level], self.ups[level](x)], dim=1)  # (B, 2 C_i, H/2^i, W/2^i)
            x = self.decoders[level](x)
        return self.head(x)
