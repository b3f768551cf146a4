"""NRKNet: "Neumann Network with Recursive Kernels for Single Image Defocus Deblurring" (Quan et al., CVPR 2023).

The defocus blur of a pixel is a mix of atom blurs, each the one before it blurred once more by a small separable,
positive kernel (the recursive kernels). A U-Net that all three scales share says the mix; the inverse of the blur is
then a truncated Neumann series, sum_j (1 - blur)^j, and the scales' answers are added up. A convolutional LSTM passes
what one scale knew to the next finer one. 6.09 million parameters, as published.

Shape legend: B batch, H x W pixels, K atoms and the picture itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64
ATOMS = 21
SCALES = 3
KERNEL_PX = 3
MEMORY_KERNEL_PX = 5


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3x3, without bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _conv(channels, channels), _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.second(torch.relu(self.first(x)))


class RecursiveBlur(nn.Module):
    """The picture, and it blurred again and again: (B, 3, H, W) -> (B, 3 (K + 1), H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.rand(ATOMS, 3, KERNEL_PX))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        weights, blurred = torch.softmax(self.taps, dim=2), [x]
        for atom in range(ATOMS):
            row = weights[atom].view(3, 1, 1, KERNEL_PX)
            y = F.conv2d(F.pad(blurred[-1], (1, 1, 1, 1), mode="reflect"), row, groups=3)
            blurred.append(F.conv2d(y, row.view(3, 1, KERNEL_PX, 1), groups=3))
        return torch.cat(blurred, dim=1)


class MixtureHead(nn.Module):
    """Features -> how the atoms are mixed at each pixel, with a convolutional LSTM at half the resolution."""

    def __init__(self) -> None:
        super().__init__()
        kinds = ATOMS + 1
        self.local = nn.Sequential(_conv(WIDTH, kinds), nn.BatchNorm2d(kinds), nn.ReLU())
        self.gates = nn.Conv2d(WIDTH + kinds, 4 * kinds, MEMORY_KERNEL_PX, padding=MEMORY_KERNEL_PX // 2)

    def forward(self, features: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, WIDTH, H, W) and two states (B, K + 1, H/2, W/2) -> (B, K + 1, H, W) and the new states."""
        pooled = F.avg_pool2d(features, 2)
        keep, forget, out, new = self.gates(torch.cat([pooled, hidden], 1)).chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(keep) * torch.tanh(new)
        hidden = torch.sigmoid(out) * torch.tanh(cell)
        attention = F.interpolate(hidden, scale_factor=2.0, mode="nearest")
        return attention * self.local(features) + attention, hidden, cell


class SharedUNet(nn.Module):
    """(B, 3, H, W) -> (B, WIDTH, H, W); three levels, additive skips."""

    def __init__(self) -> None:
        super().__init__()
        widths = (WIDTH, 2 * WIDTH, 4 * WIDTH)
        self.stems = nn.ModuleList(
            _conv(a, b, stride=s) for a, b, s in zip((3, *widths[:-1]), widths, (1, 2, 2), strict=True)
        )
        self.encoders = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.middle = nn.Sequential(_conv(widths[-1], widths[-1]), nn.ReLU(), ResidualBlock(widths[-1]))
        self.decoders = nn.ModuleList(ResidualBlock(width) for width in reversed(widths))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False) for width in widths[:0:-1]
        )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        skips = []
        for stem, encoder in zip(self.stems, self.encoders, strict=True):
            x = encoder(torch.relu(stem(x)))
            skips.append(x)
        x = self.middle(x)
        for decoder, skip, up in zip(self.decoders, reversed(skips), (*self.ups, None), strict=True):
            x = decoder(x + skip)
            if up is not None:
                x = torch.relu(up(x))
        return x


class Nrknet(nn.Module):
    """image -> image + what each scale's Neumann series adds."""

    def __init__(self) -> None:
        super().__init__()
        self.unet, self.head, self.atoms = SharedUNet(), MixtureHead(), RecursiveBlur()
        self.sum = nn.Conv2d(3 * (ATOMS + 1), 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB -> (B, 3, H, W); H, W multiples of 32."""
        half = F.interpolate(image, scale_factor=0.5, mode="nearest")
        scales = (F.interpolate(half, scale_factor=0.5, mode="nearest"), half, image)
        batch, _, height, width = (int(n) for n in scales[0].shape)
        hidden = torch.zeros(batch, ATOMS + 1, height // 2, width // 2, dtype=image.dtype, device=image.device)
        cell, result = torch.zeros_like(hidden), image
        for index, picture in enumerate(scales):
            mixture, hidden, cell = self.head(self.unet(picture), hidden, cell)
            term = picture
            for _ in range(SCALES - index):
                term = term - self.blurred(term, mixture)
            finer = 2.0 ** (SCALES - 1 - index)
            result = result + (term if finer == 1.0 else _enlarged(term, finer))
            if index < SCALES - 1:
                hidden, cell = _enlarged(hidden, 2.0), _enlarged(cell, 2.0)
        return result

    def blurred(self, picture: Tensor, mixture: Tensor) -> Tensor:
        """(B, 3, H, W) by (B, K + 1, H, W) -> (B, 3, H, W)."""
        return self.sum(self.atoms(picture) * mixture.repeat_interleave(3, dim=1))


def _conv(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False, padding_mode="reflect")


def _enlarged(x: Tensor, factor: float) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
