"""The refocusing blur as mobile delegates take it: two separable passes with a sigma of its own at each pixel.

The exact blur (``train.optics.spatially_varying_blur``) gathers a disc of neighbours for every pixel, which no mobile
delegate offers.
Here each pass is a weighted sum of shifted slices,

    out(p) = sum_k w_k(p) x(p + k) / sum_k w_k(p),    w_k(p) = exp(-k^2 / (2 sigma(p)^2)),

first along the rows, then along the columns. Where sigma is constant this is the Gaussian exactly; where it
varies slowly the two agree to 70 dB and more; across a step the second pass reads rows that the first pass
blurred with their own sigma, which costs some accuracy there (``export.verification.gates`` says what is asked of it).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIGMA_MIN_PX = 0.3
"""Below this the neighbours' weight is under 0.4 %: the picture is left as it is."""


def tap_weights(sigma_px: Tensor, radius: int) -> tuple[list[Tensor], Tensor]:
    """Weights w_1..w_radius of a Gaussian of sigma ``sigma_px`` and the sum over all 2 radius + 1 taps.

    w_(k+1) = w_k q^(2k+1) with q = exp(-1 / (2 sigma^2)): one ``exp`` for all taps. The inverse is taken as
    rsqrt squared, since delegates either leave ``reciprocal`` behind or add an epsilon to it.

    Args:
        sigma_px: (B, 1, H, W), at least SIGMA_MIN_PX.
        radius: number of taps on each side.

    Returns:
        The list of ``radius`` tensors (B, 1, H, W), and their normaliser (B, 1, H, W).
    """
    inverse = torch.rsqrt(sigma_px * sigma_px)
    q = torch.exp(inverse * inverse * -0.5)
    q_squared = q * q
    weights = [q]
    factor = q * q_squared
    for _ in range(1, radius):
        weights.append(weights[-1] * factor)
        factor = factor * q_squared
    # Smallest first: fp16 sums lose the tail when it is added to a large partial sum.
    tail = weights[-1]
    for weight in reversed(weights[:-1]):
        tail = tail + weight
    return weights, tail * 2.0 + 1.0


def blur_along(image: Tensor, weights: list[Tensor], normaliser: Tensor, dim: int) -> Tensor:
    """One pass along ``dim`` (2 rows, 3 columns); the edge is replicated by concatenated edge slices."""
    size = int(image.shape[dim])
    radius = len(weights)
    first, last = image.narrow(dim, 0, 1), image.narrow(dim, size - 1, 1)
    padded = torch.cat([first] * radius + [image] + [last] * radius, dim)
    total = image
    for k, weight in enumerate(weights, start=1):
        neighbours = padded.narrow(dim, radius - k, size) + padded.narrow(dim, radius + k, size)
        total = total + weight * neighbours
    return total / normaliser


class SeparableBlur(nn.Module):
    """Per-pixel-sigma Gaussian blur in two separable passes.

    Args:
        sigma_max_px: largest sigma served; the radius is 3 sigma (a smaller one truncates: 44 dB at 2 sigma).
    """

    def __init__(self, sigma_max_px: float) -> None:
        super().__init__()
        self.sigma_max_px = sigma_max_px
        self.radius = math.ceil(3.0 * sigma_max_px)

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, C, H, W) any range, (B, 1, H, W) sigma in pixels -> (B, C, H, W) of the same range."""
        sigma = torch.clamp(sigma_px, SIGMA_MIN_PX, self.sigma_max_px)
        weights, normaliser = tap_weights(sigma, self.radius)
        rows = blur_along(image, weights, normaliser, dim=3)
        return blur_along(rows, weights, normaliser, dim=2)


class Refocus(nn.Module):
    """The refocusing graph: blurs an all-in-focus picture as light would be, with a target sigma per pixel.

    Defocus mixes light, not sRGB code values. The picture is therefore squared (a power of 2 in place of
    sRGB's curve, which needs no look-up table on any delegate), blurred and encoded back with a square root.
    """

    def __init__(self, sigma_max_px: float) -> None:
        super().__init__()
        self.blur = SeparableBlur(sigma_max_px)

    def forward(self, sharp: Tensor, target_sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB in [0, 1], (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        light = self.blur(sharp * sharp, target_sigma_px)
        return torch.sqrt(torch.clamp(light, 0.0, 1.0))
