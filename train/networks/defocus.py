"""The defocus-map estimator: one blur sigma in pixels for every pixel, from the blurry image alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.networks.unet import UNet, UNetConfig


class DefocusNet(nn.Module):
    """sigma_px = sigma_max_px * sigmoid(U-Net(image)): bounded by construction.

    The scaled sigmoid stands where a softplus might: the Neural Engine's softplus collapses for large inputs.
    """

    def __init__(self, config: UNetConfig, sigma_max_px: float) -> None:
        super().__init__()
        self.sigma_max_px = sigma_max_px
        self.unet = UNet(3, 1, config)
        assert self.unet.head.bias is not None
        nn.init.constant_(self.unet.head.bias, -1.5)  # start near 1 px, not mid-range

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB in [0, 1] -> (B, 1, H, W) sigma in pixels, in (0, sigma_max_px)."""
        return torch.sigmoid(self.unet(image)) * self.sigma_max_px
