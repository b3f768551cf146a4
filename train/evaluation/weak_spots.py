"""Where a defocus map is easily wrong, each on a fixed picture of its own: regular texture in focus, and noise.

A regular texture lacks the edges of all orientations and scales by which blur is told: a sharp mesh may look like a
blurred one of another period. What is in focus has to stay, so the restored texture is held against the texture itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from train.data.photos import Picture
from train.data.regular_textures import TEXTURES
from train.evaluation.held_out import blur_evenly, textured_crops
from train.evaluation.inference import restore
from train.evaluation.metrics import psnr_per_image, sigma_scores, texture_mask

SIDE_PX = 256
OVERSAMPLING = 4
"""Textures are drawn this many times as large and averaged, as a sensor's pixels do: sharp, and without stairs."""
PERIODS_PX = {"mesh": 8.0, "corrugation": 11.0, "woven cloth": 4.0, "stripes": 6.0, "text": 18.0}
STRONG_NOISE_LEVELS = 10.2
"""4 % of white, in 8-bit steps: a phone at night."""
NOISY_SIGMAS_PX = (1.0, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True)
class TextureFigures:
    """What becomes of one regular texture that is in focus and grey."""

    name: str
    psnr_db: float
    """Restored against the texture itself."""
    sigma_px: float
    """Mean of the map, of which the truth is 0."""
    colour: float
    """Largest difference between two channels of a restored pixel, in 8-bit steps; the truth is 0."""


@dataclass(frozen=True)
class NoiseFigures:
    """The map under strong noise, over crops blurred with a Gaussian; on textured area, in pixels."""

    sigma_px: float
    mae_px: float | None
    bias_px: float | None


def regular_textures() -> Tensor:
    """The textures, (N, 3, 256, 256) grey sRGB of 256 levels, in the order of ``PERIODS_PX``."""
    steps = (np.arange(SIDE_PX * OVERSAMPLING) + 0.5) / OVERSAMPLING
    x, y = np.meshgrid(steps, steps)
    drawn = [TEXTURES[name](x, y, period_px) for name, period_px in PERIODS_PX.items()]
    small = [cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for grey in drawn]
    codes = np.round(np.clip(np.stack(small), 0.0, 1.0) * 255.0) / 255.0
    return torch.from_numpy(codes.astype(np.float32))[:, None].repeat(1, 3, 1, 1)


def measure_textures(deblur: nn.Module, defocus: nn.Module) -> list[TextureFigures]:
    """What a pair of networks makes of the regular textures."""
    sharp = regular_textures()
    restored, sigma_px = restore(deblur, defocus, sharp)
    psnr_db = psnr_per_image(restored, sharp)
    colour = (restored.amax(1) - restored.amin(1)).amax((1, 2)) * 255.0
    return [
        TextureFigures(name, float(psnr_db[i]), float(sigma_px[i].mean()), float(colour[i]))
        for i, name in enumerate(PERIODS_PX)
    ]


def measure_noise(
    deblur: nn.Module, defocus: nn.Module, photos: list[Picture], per_photo: int = 4
) -> list[NoiseFigures]:
    """How well a pair of networks sees sigma through strong noise, on textured crops of photographs."""
    crops = textured_crops(photos, per_photo)
    figures = []
    for sigma_px in NOISY_SIGMAS_PX:
        data = blur_evenly(crops, "gaussian", sigma_px, STRONG_NOISE_LEVELS)
        _, blur_map = restore(deblur, defocus, data.blurry)
        scores = sigma_scores(blur_map, data.sigma_px, texture_mask(data.sharp))
        mae_px, bias_px = (scores.mae_px, scores.bias_px) if scores else (None, None)
        figures.append(NoiseFigures(sigma_px, mae_px, bias_px))
    return figures
