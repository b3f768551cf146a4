"""The float reference: the exact spatially varying defocus blur.

    out(p) = sum_d PSF(d; sigma(p)) x(p + d) / sum_d PSF(d; sigma(p))

as a gather over every tap, in any float type. It is slow and right; the op that ships
(``export.graphs.separable_blur``) is measured against it.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from runtime.system.errors import ReblurError
from train.optics.isotropic_kernels import apply_isotropic, rings_of

Psf = Literal["gaussian", "disc"]

GAUSSIAN_SUPPORT_SIGMAS = 4.0
"""Taps further out carry 0.03 % of a Gaussian's mass."""


def disc_radius_px(sigma_px: Tensor) -> Tensor:
    """Radius of the uniform disc whose standard deviation per axis is ``sigma_px``: twice that."""
    return 2.0 * sigma_px


def psf_value(kind: Psf, distance_px: float, sigma_px: Tensor) -> Tensor:
    """Unnormalised point spread function at a distance from its centre.

    Args:
        kind: "gaussian", or "disc": uniform, with a rim one pixel wide that stands for partly covered pixels.
        distance_px: distance from the centre.
        sigma_px: any shape; standard deviation per axis, 0 gives the identity.

    Returns:
        Same shape as ``sigma_px``.
    """
    if kind == "gaussian":
        tiny = torch.finfo(sigma_px.dtype).tiny
        value = torch.exp(-(distance_px**2) / (2.0 * sigma_px * sigma_px).clamp(min=tiny))
        return torch.ones_like(sigma_px) if distance_px == 0 else value
    if kind == "disc":
        rim = (disc_radius_px(sigma_px) + 0.5 - distance_px).clamp(0.0, 1.0)
        return torch.ones_like(sigma_px) if distance_px == 0 else rim
    raise ReblurError(f"PSF must be 'gaussian' or 'disc', got {kind!r}")


def support_radius_px(kind: Psf, sigma_max_px: float) -> int:
    """Radius within which all of the PSF's mass lies (a Gaussian's: all but 0.03 %)."""
    reach = GAUSSIAN_SUPPORT_SIGMAS * sigma_max_px if kind == "gaussian" else 2.0 * sigma_max_px + 0.5
    return max(1, math.ceil(reach))


def spatially_varying_blur(image: Tensor, sigma_px: Tensor, kind: Psf = "gaussian") -> Tensor:
    """Blur each output pixel with the PSF of its own sigma; the edge is replicated.

    Args:
        image: (B, C, H, W), linear light if the result is to be physical; float32 or float64.
        sigma_px: (B, 1, H, W), pixels, 0 or more.
        kind: the PSF.

    Returns:
        (B, C, H, W), same type and range as ``image``.
    """
    if sigma_px.shape != (image.shape[0], 1, *image.shape[2:]):
        raise ReblurError(
            f"sigma_px must be {(image.shape[0], 1, *image.shape[2:])} for this image, got {tuple(sigma_px.shape)}"
        )
    if bool((sigma_px < 0).any()):
        raise ReblurError(f"sigma_px must be 0 or more, got a minimum of {float(sigma_px.min()):g}")
    radius = support_radius_px(kind, float(sigma_px.max()))
    rings = rings_of(radius)
    values = torch.cat([psf_value(kind, math.sqrt(d), sigma_px) for d in rings.squared_radii], dim=1)
    counts = torch.tensor(rings.counts, dtype=values.dtype, device=values.device).view(1, -1, 1, 1)
    return apply_isotropic(image, values / (values * counts).sum(1, keepdim=True), radius)
