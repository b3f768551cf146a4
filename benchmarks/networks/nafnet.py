"""NAFNet of width 32 for deblurring: "Simple Baselines for Image Restoration" (Chen et al., 2022, arXiv 2204.04676).

A U-Net of blocks without activation functions: what bends is the product of two halves of the channels (SimpleGate).
One block on each level but the coarsest encoder, which has 28 (section 5; 17.1 million parameters).

Shape legend: B batch, H x W pixels, C_i = width * 2^i channels at 1/2^i of the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class NafnetConfig:
    """Its size; the defaults are those of the paper's smaller deblurring network."""

    width: int = 32
    """Channels at full resolution."""
    encoder_blocks: tuple[int, ...] = (1, 1, 1, 28)
    """On each level on the way down."""
    middle_blocks: int = 1
    decoder_blocks: tuple[int, ...] = (1, 1, 1, 1)
    """On each level on the way up, coarsest first."""


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        centred = x - x.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        return centred / torch.sqrt(variance + EPSILON) * self.weight + self.bias


def simple_gate(x: Tensor) -> Tensor:
    """(B, 2 C, H, W) -> (B, C, H, W): one half times the other."""
    first, second = x.chunk(2, dim=1)
    return first * second


class NafBlock(nn.Module):
    """Figure 3d of the paper: a depthwise part with channel attention, then a pointwise part, both residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.expand1 = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.attention = nn.Conv2d(channels, channels, 1)
        self.project1 = nn.Conv2d(channels, channels, 1)
        self.expand2 = nn.Conv2d(channels, 2 * channels, 1)
        self.project2 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        y = simple_gate(self.depthwise(self.expand1(self.norm1(x))))
        y = y * self.attention(y.mean((2, 3), keepdim=True))
        x = x + self.project1(y) * self.beta
        return x + self.project2(simple_gate(self.expand2(self.norm2(x)))) * self.gamma


class Nafnet(nn.Module):
    """image -> image + network(image)."""

    def __init__(self, config: NafnetConfig | None = None) -> None:
        super().__init__()
        config = config or NafnetConfig()
        widths = [config.width * 2**level for level in range(len(config.encoder_blocks) + 1)]
        self.stem = nn.Conv2d(3, config.width, 3, padding=1)
        self.head = nn.Conv2d(config.width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(
            _blocks(width, count) for width, count in zip(widths[:-1], config.encoder_blocks, strict=True)
        )
        self.downs = nn.ModuleList(nn.Conv2d(width, 2 * width, 2, stride=2) for width in widths[:-1])
        self.middle = _blocks(widths[-1], config.middle_blocks)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, 2 * width, 1, bias=False), nn.PixelShuffle(2))
            for width in reversed(widths[1:])
        )
        self.decoders = nn.ModuleList(
            _blocks(width, count) for width, count in zip(reversed(widths[:-1]), config.decoder_blocks, strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB -> (B, 3, H, W); H, W multiples of 16."""
        x, skips = self.stem(image), []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skips.append(x)
            x = down(x)  # (B, C_i+1, H/2^(i+1), W/2^(i+1))
        x = self.middle(x)
        for up, decoder, skip in zip(self.ups, self.decoders, reversed(skips), strict=True):
            x = decoder(up(x) + skip)
        return image + self.head(x)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NafBlock(channels) for _ in range(count)))
