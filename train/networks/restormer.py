"""Restormer, the transformer the paper deblurs with: attention between channels, so its cost is linear in pixels.

Source: Zamir et al., "Restormer: Efficient Transformer for High-Resolution Image Restoration" (CVPR 2022,
arXiv 2111.09881). The head's output is a residual; whoever calls adds the image.

Shape legend: B batch, H x W pixels, C_i = dim * 2^i channels at 1/2^i of the resolution, N heads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class RestormerConfig:
    """Size of a Restormer; the defaults are the published ones (26.1 M parameters)."""

    kind: Literal["restormer"] = field(default="restormer", init=False)
    """Tells the kinds of networks apart in JSON."""
    dim: int = 48
    """Channels of the finest level; each coarser one has twice as many."""
    blocks: tuple[int, ...] = (4, 6, 6, 8)
    """Transformer blocks of each level, finest first; all but the coarsest again on the way up."""
    refinement_blocks: int = 4
    """Blocks at full resolution before the head."""
    heads: tuple[int, ...] = (1, 2, 4, 8)
    """Attention heads of each level."""
    feed_forward: float = 2.66
    """Hidden channels of the feed-forward network, as a multiple of the level's."""

    def __post_init__(self) -> None:
        if len(self.blocks) < 2 or len(self.heads) != len(self.blocks):
            raise ReblurError(f"blocks and heads need the same 2 or more entries, got {self.blocks} and {self.heads}")
        if self.dim < 2 or self.dim % 2:
            raise ReblurError(f"dim must be even and at least 2, got {self.dim}")
        if any((self.dim * 2**i) % heads for i, heads in enumerate(self.heads)):
            raise ReblurError(f"heads must divide each level's channels ({self.dim} * 2^level), got {self.heads}")

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        return int(2 ** (len(self.blocks) - 1))


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _conv1x1(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 1, bias=False)


def _depthwise3x3(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)


def _conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


class TransposedAttention(nn.Module):
    """Multi-Dconv head transposed attention (the paper's MDTA): a C/N x C/N attention map for each head."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Sequential(_conv1x1(channels, 3 * channels), _depthwise3x3(3 * channels))
        self.project = _conv1x1(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        batch, channels, height, width = x.shape
        parts = self.qkv(x).reshape(batch, 3, self.heads, channels // self.heads, height * width)
        query, key, value = parts.unbind(1)  # each (B, N, C/N, HW)
        # Unit length over the pixels makes the product a correlation, whatever the size of the image.
        query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        attention = torch.softmax(query @ key.transpose(-2, -1) * self.temperature, dim=-1)  # (B, N, C/N, C/N)
        return self.project((attention @ value).reshape(batch, channels, height, width))


class GatedFeedForward(nn.Module):
    """Gated-Dconv feed-forward network (the paper's GDFN): gelu(a) * b of two depthwise-convolved halves."""

    def __init__(self, channels: int, factor: float) -> None:
        super().__init__()
        hidden = int(channels * factor)
        self.expand = nn.Sequential(_conv1x1(channels, 2 * hidden), _depthwise3x3(2 * hidden))
        self.project = _conv1x1(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate, values = self.expand(x).chunk(2, dim=1)
        return self.project(F.gelu(gate) * values)


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, channels: int, heads: int, factor: float) -> None:
        super().__init__()
        self.attention = nn.Sequential(ChannelNorm(channels), TransposedAttention(channels, heads))
        self.feed_forward = nn.Sequential(ChannelNorm(channels), GatedFeedForward(channels, factor))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        x = x + self.attention(x)
        return x + self.feed_forward(x)


def _down(channels: int) -> nn.Sequential:
    """(B, C, H, W) -> (B, 2C, H/2, W/2)."""
    return nn.Sequential(_conv3x3(channels, channels // 2), nn.PixelUnshuffle(2))


def _up(channels: int) -> nn.Sequential:
    """(B, C, H, W) -> (B, C/2, 2H, 2W)."""
    return nn.Sequential(_conv3x3(channels, 2 * channels), nn.PixelShuffle(2))


class Restormer(nn.Module):
    """Encoder and decoder of transformer blocks with concatenated skips.

    The skip is reduced to the level's channels on every level but the finest, whose decoder and refinement work on
    2 * dim channels.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        config: widths and depths.
    """

    def __init__(self, in_channels: int, out_channels: int, config: RestormerConfig) -> None:
        super().__init__()
        self.config = config
        levels = len(config.blocks)
        channels = [config.dim * 2**i for i in range(levels)]
        decoder_channels = [2 * config.dim, *channels[1:-1]]

        def stack(width: int, level: int, count: int) -> nn.Sequential:
            return nn.Sequential(
                *(TransformerBlock(width, config.heads[level], config.feed_forward) for _ in range(count))
            )

        self.stem = _conv3x3(in_channels, config.dim)
        self.encoders = nn.ModuleList(stack(c, i, config.blocks[i]) for i, c in enumerate(channels[:-1]))
        self.downs = nn.ModuleList(_down(c) for c in channels[:-1])
        self.middle = stack(channels[-1], levels - 1, config.blocks[-1])
        self.ups = nn.ModuleList(_up(c) for c in channels[1:])
        self.reduces = nn.ModuleList(
            nn.Identity() if i == 0 else _conv1x1(2 * c, c) for i, c in enumerate(channels[:-1])
        )
        self.decoders = nn.ModuleList(stack(c, i, config.blocks[i]) for i, c in enumerate(decoder_channels))
        self.refinement = stack(2 * config.dim, 0, config.refinement_blocks)
        self.head = _conv3x3(2 * config.dim, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W); H, W multiples of ``size_multiple``."""
        x = self.stem(x)  # (B, C_0, H, W)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skips.append(x)
            x = down(x)  # (B, C_i+1, H/2^(i+1), W/2^(i+1))
        x = self.middle(x)
        for level in reversed(range(len(skips))):
            x = torch.cat([self.ups[level](x), skips[level]], dim=1)  # (B, 2 C_i, H/2^i, W/2^i)
            x = self.decoders[level](self.reduces[level](x))
        return self.head(self.refinement(x))
