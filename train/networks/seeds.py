"""The paper's defocus estimator: for every pixel the radial profiles of its blur kernels, the "kernel seeds".

Seeds are a description, not a measure: 2 + 3 + ... + 8 = 35 numbers for seven kernels of width 3 to 15, split and
normalised by ``networks.reblur.IsotropicKernels``. What a pixel's blur is in pixels takes the reblurring module's
mixture weights as well.

Source: "Reblurring-Guided Single Image Defocus Deblurring" (arXiv 2409.17792), section on defocus map estimation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class SeedConfig:
    """Size of the kernel-seed estimator; the defaults are the paper's."""

    kind: Literal["seeds"] = field(default="seeds", init=False)
    """Tells the kinds of networks apart in JSON."""
    width: int = 32
    """Channels within."""
    blocks: int = 3
    """Residual blocks of two convolutions, without normalisation."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.blocks < 0:
            raise ReblurError(f"width must be at least 1 and blocks at least 0, got {self.width} and {self.blocks}")

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        return 1


class ResidualBlock(nn.Module):
    """x + conv3x3(relu(conv3x3(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.body(x)


class SeedNet(nn.Module):
    """3x3 convolution, residual blocks, 3x3 convolution, all at full resolution.

    Args:
        config: width and depth.
        out_channels: number of seeds, sum of (r + 1) over the kernels' radii r; 35 in the paper.
    """

    def __init__(self, config: SeedConfig, out_channels: int) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv2d(3, config.width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(config.width) for _ in range(config.blocks)))
        self.head = nn.Conv2d(config.width, out_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB in [0, 1] -> (B, out_channels, H, W), any real numbers."""
        return self.head(self.blocks(self.stem(image)))
