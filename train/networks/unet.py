"""The plain ReLU U-Net both deployable networks are made of.

Only operations that every mobile delegate takes whole: convolutions, ReLU, additive skips and 2x2 transposed
convolutions. No normalisation, no attention, no gating, no concatenated skips.

Shape legend: B batch, H x W pixels, C_i = widths[i] channels at 1/2^(i+1) of the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from runtime.system.errors import ReblurError
from train.networks.reparam import BranchedConv


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Widths and depths of a U-Net whose level i works at 1/2^(i+1) of the input resolution."""

    kind: Literal["unet"] = field(default="unet", init=False)
    """Tells the kinds of networks apart in JSON."""
    widths: tuple[int, ...]
    """Channels of each level, finest first; multiples of 8."""
    encoder_blocks: tuple[int, ...]
    """Residual convolutions of each level but the coarsest, on the way down."""
    middle_blocks: int
    """Residual convolutions of the coarsest level."""
    decoder_blocks: tuple[int, ...]
    """Residual convolutions of each level but the coarsest, on the way up (finest first)."""
    branches: bool = False
    """Train every 3x3 convolution as a sum of branches (``train.networks.reparam``); fused into one when saved."""

    def __post_init__(self) -> None:
        levels = len(self.widths)
        if levels < 2:
            raise ReblurError(f"a U-Net needs at least 2 levels, got widths={self.widths}")
        if len(self.encoder_blocks) != levels - 1 or len(self.decoder_blocks) != levels - 1:
            raise ReblurError(
                f"encoder_blocks and decoder_blocks need {levels - 1} entries for {levels} widths, "
                f"got {self.encoder_blocks} and {self.decoder_blocks}"
            )
        if any(width % 8 for width in self.widths):
            raise ReblurError(f"widths must be multiples of 8, got {self.widths}")

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        return int(2 ** len(self.widths))


def conv3x3(
    in_channels: int, out_channels: int, *, stride: int = 1, branches: bool = False
) -> nn.Conv2d | BranchedConv:
    """A 3x3 convolution with padding 1, plain or as a sum of branches."""
    if branches:
        return BranchedConv(in_channels, out_channels, stride=stride)
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)


class ResidualConv(nn.Module):
    """x + relu(conv3x3(x)): one convolution a block keeps the MACs low and the graph plain."""

    def __init__(self, channels: int, *, branches: bool = False) -> None:
        super().__init__()
        self.conv = conv3x3(channels, channels, branches=branches)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.relu(self.conv(x))


def residual_convs(channels: int, count: int, *, branches: bool = False) -> nn.Sequential:
    """``count`` residual convolutions in a row; an empty sequence is the identity."""
    return nn.Sequential(*(ResidualConv(channels, branches=branches) for _ in range(count)))


def _initialise(module: nn.Module) -> None:
    """Variance-preserving start for ReLU (He et al. 2015); residual branches start small.

    Without normalisation PyTorch's default lets the signal fade with depth, and a deep estimator starts flat.
    """
    if isinstance(module, nn.Conv2d | BranchedConv):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.ConvTranspose2d):
        # No ReLU follows, each output sees one of the four taps, and the skip adds as much again.
        nn.init.normal_(module.weight, std=(0.5 / module.in_channels) ** 0.5)
    if isinstance(module, nn.Conv2d | BranchedConv | nn.ConvTranspose2d):
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    if isinstance(module, ResidualConv):
        module.conv.weight.data *= 0.5


class UNet(nn.Module):
    """Plain ReLU U-Net.

    The stem is a 3x3 convolution on the space-to-depth image. It is written as one 6x6 convolution of stride 2,
    which has the same weights and cost, because converters tear ``pixel_unshuffle`` into transposes. For the
    same reason the head is a 2x2 transposed convolution, the equal of a 1x1 convolution and a pixel shuffle.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        config: widths and depths.
        half_resolution: leave the output at H/2 x W/2.
    """

    def __init__(
        self, in_channels: int, out_channels: int, config: UNetConfig, *, half_resolution: bool = False
    ) -> None:
        super().__init__()
        self.config = config
        widths, branches = config.widths, config.branches
        finer_coarser = list(pairwise(widths))
        # Linear: a stem of 8 or 16 channels that ends in a ReLU can die as a whole, and the network with it.
        self.stem = nn.Conv2d(in_channels, widths[0], 6, stride=2, padding=2)
        self.encoders = nn.ModuleList(
            residual_convs(c, n, branches=branches) for c, n in zip(widths[:-1], config.encoder_blocks, strict=True)
        )
        self.downs = nn.ModuleList(
            nn.Sequential(conv3x3(fine, coarse, stride=2, branches=branches), nn.ReLU())
            for fine, coarse in finer_coarser
        )
        self.middle = residual_convs(widths[-1], config.middle_blocks, branches=branches)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in finer_coarser)
        self.decoders = nn.ModuleList(
            residual_convs(c, n, branches=branches) for c, n in zip(widths[:-1], config.decoder_blocks, strict=True)
        )
        self.apply(_initialise)
        self.head = (
            nn.Conv2d(widths[0], out_channels, 1)
            if half_resolution
            else nn.ConvTranspose2d(widths[0], out_channels, 2, stride=2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W), or H/2 x W/2; H, W multiples of ``size_multiple``."""
        x = self.stem(x)  # (B, C_0, H/2, W/2)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skips.append(x)
            x = down(x)  # (B, C_i+1, H/2^(i+2), W/2^(i+2))
        x = self.middle(x)
        for level in reversed(range(len(skips))):
            x = self.decoders[level](self.ups[level](x) + skips[level])
        return self.head(x)
