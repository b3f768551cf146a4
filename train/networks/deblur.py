"""The deblurring network: a plain U-Net that takes the image and the defocus map as degradation prior."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.networks.fade import CELL_PX, FadeConfig
from train.networks.unet import UNet, UNetConfig


class DeblurNet(nn.Module):
    """Restores the all-in-focus image: sharp = image + fade(sigma) * U-Net(image, sigma).

    The defocus map enters as a fourth channel, scaled to [0, 1] like the image, so that one quantisation range serves
    both. The head starts at zero: an untrained network returns its input.
    """

    def __init__(self, config: UNetConfig, sigma_max_px: float, fade: FadeConfig | None = None) -> None:
        super().__init__()
        self.sigma_max_px = sigma_max_px
        self.fade: nn.Module = Fade(fade or FadeConfig())
        self.unet = UNet(4, 3, config)
        assert self.unet.head.bias is not None
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)

    def forward(self, image: Tensor, sigma_px: Tensor, *, faded: bool = True) -> Tensor:
        """Deblur.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1].
            sigma_px: (B, 1, H, W), blur sigma in pixels, [0, sigma_max_px].
            faded: False leaves the fade out, as in training where the map is trained apart.

        Returns:
            (B, 3, H, W), sRGB around [0, 1], not clamped (a clamp would hide its gradient from the loss).
        """
        prior = sigma_px * (1.0 / self.sigma_max_px)
        residual: Tensor = self.unet(torch.cat([image, prior], dim=1))
        # After the network, where int8 files are back in float: the fade is part of the residual add.
        return image + (self.fade(sigma_px) * residual if faded else residual)


class Fade(nn.Module):
    """How strongly the restoration acts: linear in the map, from 0 at ``start_px`` to 1 at ``full_px``.

    The map is averaged over a window first, since near zero it is noise. Cells of ``CELL_PX`` a side are averaged,
    then a square of cells; a transposed convolution of ones lays them out again, which every converter takes.
    """

    spread: Tensor

    def __init__(self, config: FadeConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("spread", torch.ones(1, 1, CELL_PX, CELL_PX), persistent=False)

    def forward(self, sigma_px: Tensor) -> Tensor:
        """(B, 1, H, W) pixels -> (B, 1, H, W) in [0, 1]."""
        config = self.config
        if config.window_cells:
            # XNNPACK takes no pool that counts its padding, not even one without any, and none without a stride.
            cells = F.avg_pool2d(sigma_px, CELL_PX, CELL_PX, count_include_pad=False)  # (B, 1, H/4, W/4)
            reach = config.window_cells // 2
            cells = F.avg_pool2d(cells, config.window_cells, stride=1, padding=reach, count_include_pad=False)
            sigma_px = F.conv_transpose2d(cells, self.spread, stride=CELL_PX)
        slope = 1.0 / (config.full_px - config.start_px)
        return torch.clamp(sigma_px * slope - config.start_px * slope, 0.0, 1.0)
