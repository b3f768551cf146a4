"""The deblurring network: a plain U-Net that takes the image and the defocus map as degradation prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.networks.unet import UNet, UNetConfig

FADE_IN_PX = (0.35, 0.85)
"""Blur up to which the input is returned as it is, and from which on the restoration acts in full. Below a pixel there
is little to restore and sharpness to lose."""


class DeblurNet(nn.Module):
    """Restores the all-in-focus image: sharp = image + fade(sigma) * U-Net(image, sigma).

    The fade is linear, from 0 at ``FADE_IN_PX[0]`` to 1 at ``FADE_IN_PX[1]``. The defocus map enters as a fourth
    channel, scaled to [0, 1] like the image, so that one quantisation range serves both. The head starts at zero: an
    untrained network returns its input.
    """

    def __init__(self, config: UNetConfig, sigma_max_px: float) -> None:
        super().__init__()
        self.sigma_max_px = sigma_max_px
        self.unet = UNet(4, 3, config)
        assert self.unet.head.bias is not None
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        """Deblur.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1].
            sigma_px: (B, 1, H, W), blur sigma in pixels, [0, sigma_max_px].

        Returns:
            (B, 3, H, W), sRGB around [0, 1], not clamped (a clamp would hide its gradient from the loss).
        """
        prior = sigma_px * (1.0 / self.sigma_max_px)
        residual = self.unet(torch.cat([image, prior], dim=1))
        # After the network, where int8 files are back in float: the fade is part of the residual add.
        start_px, full_px = FADE_IN_PX
        strength = torch.clamp(sigma_px * (1.0 / (full_px - start_px)) - start_px / (full_px - start_px), 0.0, 1.0)
        return image + strength * residual
