"""What a camera adds to the light: shot and read noise, clipping, sRGB, JPEG, eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from train.data.jpeg import jpeg_round_trip
from train.data.srgb import round_to_8_bit, srgb_of

MIDDLE_GREY = 0.214
"""The linear light of sRGB 0.5."""
SRGB_SLOPE = 1.08
"""Slope of the sRGB curve there: noise in sRGB units over noise in linear light."""


class Exposure(NamedTuple):
    """How one picture was taken, in plain numbers."""

    noise: float = 0.0
    """Standard deviation of the noise at middle grey, in sRGB units."""
    read_share: float = 0.0
    """Share of the noise's variance there that does not depend on the light."""
    noise_seed: int = 0
    """Seed of the noise."""
    jpeg_quality: int = 0
    """1 to 100; 0 for no JPEG at all."""
    grey: bool = False
    """Whether the picture is without colour: its noise then is, too."""


def expose(linear: Tensor, exposures: Sequence[Exposure]) -> Tensor:
    """Photograph light.

    The noise is Gaussian with variance a x + b in linear light x: photons counted, plus read-out (the model of Foi,
    Trimeche, Katkovnik and Egiazarian, IEEE Transactions on Image Processing 2008).

    Args:
        linear: (N, 3, H, W), 1 is white; more is clipped after the noise.
        exposures: N of them.

    Returns:
        (N, 3, H, W), sRGB in [0, 1], of 256 levels.
    """
    device = linear.device
    sd = torch.tensor([e.noise / SRGB_SLOPE for e in exposures], device=device)
    read = torch.tensor([e.read_share for e in exposures], device=device)
    relative = linear.clamp(min=0.0) * ((1 - read) / MIDDLE_GREY)[:, None, None, None] + read[:, None, None, None]
    noisy = linear + relative.sqrt() * sd[:, None, None, None] * _noise(linear, exposures)
    srgb = round_to_8_bit(srgb_of(noisy))
    compressed = [row for row, e in enumerate(exposures) if e.jpeg_quality]
    if compressed:
        rows = torch.tensor(compressed, device=device)
        quality = torch.tensor([float(exposures[row].jpeg_quality) for row in compressed], device=device)
        srgb = srgb.index_copy(0, rows, jpeg_round_trip(srgb[rows], quality))
    return srgb


def _noise(like: Tensor, exposures: Sequence[Exposure]) -> Tensor:
    """Standard normal noise of the same shape, each picture's from its own seed."""
    noise = torch.zeros_like(like)
    generator = torch.Generator(like.device)
    for row, exposure in enumerate(exposures):
        if exposure.noise > 0:
            generator.manual_seed(exposure.noise_seed)
            noise[row].normal_(generator=generator)
        if exposure.grey:
            noise[row] = noise[row, :1].clone()
    return noise
