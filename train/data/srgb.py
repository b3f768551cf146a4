"""sRGB code values to linear light and back (IEC 61966-2-1), for arrays and for tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from runtime.system.arrays import FloatArray

LEVELS = 256
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue light."""


def to_linear(srgb: FloatArray) -> FloatArray:
    """SRGB code values in [0, 1] to linear light."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: FloatArray) -> FloatArray:
    """The inverse of ``to_linear``; the input is clipped to [0, 1]."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def linear_table(device: torch.device | str) -> Tensor:
    """(256,): the linear light of each 8-bit code value."""
    codes = np.linspace(0, 1, LEVELS).astype(np.float32)
    return torch.from_numpy(to_linear(codes)).to(device)


def linear_of(srgb: Tensor) -> Tensor:
    """``to_linear`` for a tensor of any shape."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp(min=0.0) + 0.055) / 1.055) ** 2.4)


def srgb_of(linear: Tensor) -> Tensor:
    """``to_srgb`` for a tensor of any shape; the input is clipped to [0, 1]."""
    light = linear.clamp(0.0, 1.0)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def grey_of(light: Tensor) -> Tensor:
    """(N, 3, H, W) without its colour: the luminance in all three channels."""
    weights = light.new_tensor(LUMINANCE).view(1, 3, 1, 1)
    return (light * weights).sum(1, keepdim=True).expand_as(light)


def round_to_8_bit(srgb: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the nearest of 256 levels, as a file stores it."""
    return (srgb.clamp(0.0, 1.0) * (LEVELS - 1)).round() / (LEVELS - 1)
