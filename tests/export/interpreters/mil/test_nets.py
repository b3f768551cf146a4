"""Whole small graphs of the kinds we ship, against torch: a U-Net and the separable per-pixel-sigma blur."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

PSNR_FLOOR_DB = 55.0


class TinyUNet(nn.Module):
    """Concatenated inputs, a strided stem, additive skips, transposed convolutions, a global residual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 16, 6, stride=2, padding=2)
        self.down = nn.Conv2d(16, 32, 2, stride=2)
        self.middle = nn.Conv2d(32, 32, 3, padding=1)
        self.up = nn.ConvTranspose2d(32, 16, 2, 2)
        self.decode = nn.Conv2d(16, 16, 3, padding=1)
        self.head = nn.ConvTranspose2d(16, 3, 2, 2)

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        fine = torch.relu(self.stem(torch.cat([image, sigma_px], 1)))
        coarse = torch.relu(self.down(fine))
        coarse = coarse + torch.relu(self.middle(coarse))
        fine = fine + self.up(coarse)
        fine = fine + torch.relu(self.decode(fine))
        return torch.clamp(image + self.head(fine), 0.0, 1.0)


class TinyBlur(nn.Module):
    """Two passes of 7 taps, the edge replicated by slices, on squared values."""

    RADIUS = 3

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        inverse = torch.rsqrt(sigma_px * sigma_px)
        weights = [torch.exp(inverse * inverse * (-0.5 * k * k)) for k in range(1, self.RADIUS + 1)]
        total = 2.0 * (weights[0] + weights[1] + weights[2]) + 1.0
        result = image * image
        for dim in (3, 2):
            first, last = result.narrow(dim, 0, 1), result.narrow(dim, result.shape[dim] - 1, 1)
            padded = torch.cat([first] * self.RADIUS + [result] + [last] * self.RADIUS, dim)
            size, blurred = int(result.shape[dim]), result
            for k, weight in enumerate(weights, start=1):
                left = padded.narrow(dim, self.RADIUS - k, size)
                right = padded.narrow(dim, self.RADIUS + k, size)
                blurred = blurred + weight * (left + right)
            result = blurred / total
        return torch.sqrt(result)


def psnr_db(result: np.ndarray, expected: np.ndarray) -> float:
    return float(-10.0 * np.log10(np.mean((result.astype(np.float64) - expected) ** 2)))


def check(name: str, net: nn.Module, save: Callable[..., Path], output: Callable[..., np.ndarray]) -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 64, 48, generator=generator)
    sigma_px = torch.rand(1, 1, 64, 48, generator=generator) * 2.5 + 0.5
    given = {"image": image.numpy(), "sigma_px": sigma_px.numpy()}
    with torch.no_grad():
        expected = net(image, sigma_px).numpy()
    exact = output(save(net, "fp32", image=image, sigma_px=sigma_px), "fp32", **given)
    np.testing.assert_allclose(exact, expected, atol=2e-6)
    phone = output(save(net, "fp16", image=image, sigma_px=sigma_px), "fp16", **given)
    print(f"{name}: fp16 {psnr_db(phone, expected):.1f} dB")
    assert psnr_db(phone, expected) >= PSNR_FLOOR_DB
    # Rounding must show: an interpreter that ignores fp16 would come out above 100 dB.
    assert psnr_db(phone, expected) < 90.0


def test_unet(save: Callable[..., Path], output: Callable[..., np.ndarray]) -> None:
    torch.manual_seed(0)
    check("u-net", TinyUNet().eval(), save, output)


def test_blur(save: Callable[..., Path], output: Callable[..., np.ndarray]) -> None:
    check("blur", TinyBlur().eval(), save, output)
