"""The reblurring module: re-creates the blurry image from a sharp one with per-pixel isotropic kernels.

A radially symmetric kernel cannot shift an image. So the reblurred image can match the blurry input only where
the sharp image lies on it: that is what ties the deblurred image to its input although it is trained on
misaligned pairs. The kernels' second moment is a defocus map nobody had to measure.

Source: "Reblurring-Guided Single Image Defocus Deblurring" (arXiv 2409.17792), section on the reblurring module.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from train.networks.unet import UNet, UNetConfig
from train.optics.isotropic_kernels import apply_isotropic, rings_of, variance_of

PAPER_RADII = (1, 2, 3, 4, 5, 6, 7)
"""The paper's seven kernels, of width 3 to 15."""


class Reblurred(NamedTuple):
    """What the module says of a pair."""

    tap_weights: Tensor
    """(B, R, H, W): the mixed kernel of each pixel, as the weight of one tap of each ring."""
    sigma_px: Tensor
    """(B, 1, H, W): its standard deviation per axis, in pixels."""
    identity_share: Tensor
    """(B, 1, H, W): the weight of the identity in the mixture; 1 everywhere means the module has collapsed."""
    seeds: Tensor
    """(B, P, H, W): the radial profiles of all kernels, one after the other: the paper's kernel seeds."""


class IsotropicKernels(nn.Module):
    """From radial profiles to normalised kernels, and their mixture.

    Kernel i has radius r_i and r_i + 1 profile values. As in the paper: absolute value, linear interpolation at
    each tap's distance, softmax over the taps. Taps beyond the radius carry nothing.
    """

    ring_counts: Tensor
    log_counts: Tensor

    def __init__(self, radii: tuple[int, ...]) -> None:
        super().__init__()
        if not radii or sorted(set(radii)) != list(radii) or radii[0] < 1:
            raise ReblurError(f"kernel radii must be distinct, ascending and at least 1, got {radii}")
        self.radii = radii
        self.profile_sizes = tuple(r + 1 for r in radii)
        sizes = [len(rings_of(r)) for r in radii]
        self.segments = tuple(size - below for size, below in zip(sizes, [0, *sizes[:-1]], strict=True))
        counts = torch.tensor(rings_of(radii[-1]).counts, dtype=torch.float32)
        self.register_buffer("ring_counts", counts.view(1, -1, 1, 1), persistent=False)
        self.register_buffer("log_counts", counts.log(), persistent=False)
        for i, radius in enumerate(radii):
            self.register_buffer(f"interpolation_{i}", _interpolation_matrix(radius), persistent=False)

    def forward(self, profiles: Tensor, mixture: Tensor) -> Tensor:
        """Mix the kernels.

        Args:
            profiles: (B, sum(profile_sizes), H, W), any real numbers.
            mixture: (B, 1 + len(radii), H, W), on the simplex; the first weight is the identity's.

        Returns:
            (B, R, H, W): weight of one tap of each ring of the largest radius; the taps sum to 1.
        """
        # A ring of n equal taps is one softmax entry with log n added: its mass. A kernel's rings are the first
        # rings of every larger kernel, so masses are added segment by segment and divided by n once.
        segments: list[Tensor | None] = [None] * len(self.radii)
        for i, profile in enumerate(profiles.split(self.profile_sizes, dim=1)):
            interpolation: Tensor = getattr(self, f"interpolation_{i}")
            bias = self.log_counts[: interpolation.shape[0]]
            mass = torch.softmax(nn.functional.conv2d(profile.abs(), interpolation, bias), dim=1)
            weighted = mixture[:, i + 1 : i + 2] * mass
            for j, part in enumerate(weighted.split(self.segments[: i + 1], dim=1)):
                total = segments[j]
                segments[j] = part if total is None else total + part
        mixed = torch.cat([s for s in segments if s is not None], dim=1)
        centre, rest = mixed.split((1, mixed.shape[1] - 1), dim=1)
        return torch.cat([centre + mixture[:, :1], rest], dim=1) / self.ring_counts


def _interpolation_matrix(radius: int) -> Tensor:
    """(rings, radius + 1, 1, 1): linear interpolation of a profile given at distances 0..radius."""
    distances = [math.sqrt(d) for d in rings_of(radius).squared_radii]
    matrix = torch.zeros(len(distances), radius + 1, 1, 1)
    for row, distance in enumerate(distances):
        below = min(int(distance), radius - 1)
        matrix[row, below] = 1.0 - (distance - below)
        matrix[row, below + 1] = distance - below
    return matrix


def _double(image: Tensor) -> Tensor:
    return nn.functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)


class ReblurNet(nn.Module):
    """Predicts the kernels that turn a sharp image into the blurry one."""

    def __init__(self, config: UNetConfig, radii: tuple[int, ...]) -> None:
        super().__init__()
        self.kernels = IsotropicKernels(radii)
        self.num_profiles = sum(self.kernels.profile_sizes)
        self.unet = UNet(6, self.num_profiles + len(radii) + 1, config, half_resolution=True)

    def forward(self, sharp: Tensor, blurry: Tensor) -> Reblurred:
        """Both (B, 3, H, W), sRGB in [0, 1], aligned. See ``Reblurred``.

        Kernels are predicted at half the resolution, where blur varies slowly enough, and interpolated: weights
        and variances are linear in the kernels, so their taps still sum to 1 and sigma stays the second moment.
        """
        out = self.unet(torch.cat([sharp, blurry], dim=1))
        mixture = torch.softmax(out[:, self.num_profiles :], dim=1)
        tap_weights = self.kernels(out[:, : self.num_profiles], mixture)
        variance = variance_of(tap_weights, self.kernels.radii[-1])
        # The gradient of sqrt at 0 (the identity kernel) is infinite: 1e-4 px^2 keeps it finite.
        sigma_px = torch.sqrt(_double(variance) + 1e-4)
        seeds = _double(out[:, : self.num_profiles])
        return Reblurred(_double(tap_weights), sigma_px, _double(mixture[:, :1]), seeds)

    def apply_kernels(self, sharp: Tensor, tap_weights: Tensor) -> Tensor:
        """Blur ``sharp`` (B, 3, H, W) with the kernels of ``forward``; (B, 3, H, W) in the same range."""
        return apply_isotropic(sharp, tap_weights, self.kernels.radii[-1])
