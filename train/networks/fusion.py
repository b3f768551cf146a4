"""The paper's deblurrers: image and blur map, weighed by channel attention, into a U-Net or a Restormer.

Source: "Reblurring-Guided Single Image Defocus Deblurring" (arXiv 2409.17792), section on the deblurring network;
the attention is squeeze-and-excitation (arXiv 1709.01507).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.networks.paper_unet import PaperUNet
from train.networks.restormer import Restormer

REDUCTION = 4
"""Channels of the attention's bottleneck are a fourth of its input's (9 of 38)."""


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation: each channel times a weight in (0, 1) found from the mean of all channels.

    The mean is over the whole image, so a tile is not restored exactly as it would be within its image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.excite = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x * self.excite(x.mean(dim=(2, 3), keepdim=True))


class FusionDeblurNet(nn.Module):
    """sharp = image + body(attention(concat(image, blur map))).

    The body's head starts at zero: an untrained network returns its input, as ``DeblurNet`` does.

    Args:
        body: takes 3 + K channels and gives 3.
        blur_channels: K, of the blur map: 1 (sigma) or the number of kernel seeds.
        blur_scale: factor on the blur map; 1 / sigma_max_px takes a sigma to [0, 1] like the image.
    """

    def __init__(self, body: PaperUNet | Restormer, blur_channels: int, blur_scale: float = 1.0) -> None:
        super().__init__()
        self.blur_scale = blur_scale
        self.attention = ChannelAttention(3 + blur_channels)
        self.body = body
        for parameter in body.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor, blur_map: Tensor) -> Tensor:
        """Deblur.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1].
            blur_map: (B, K, H, W): kernel seeds, or with K = 1 the blur sigma in pixels.

        Returns:
            (B, 3, H, W), sRGB around [0, 1], not clamped.
        """
        return image + self.body(self.attention(torch.cat([image, blur_map * self.blur_scale], dim=1)))
