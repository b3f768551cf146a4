"""Aligned pictures to measure on, none of which training sees: layered scenes, and crops blurred evenly.

Everything here is a pure function of the photographs and of a seed that no training run uses, so figures of two
checkpoints can be compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from runtime.system.errors import ReblurError
from train.config import RunConfig
from train.data.photos import Picture
from train.data.psf import reach_px
from train.data.srgb import LEVELS
from train.data.synthetic_pairs import aligned_scenes, blur_uniform, uniform_crops
from train.optics.spatially_varying_blur import Psf

HELD_OUT_SEED = 990_000
PICTURES = ("astronaut", "chelsea", "coffee", "rocket")
"""Photographs in scikit-image that are sharp enough to be blurred."""
CROP_PX = 256
"""Side of the evenly blurred crops."""
MARGIN_PX = 24
"""Border of a crop that is blurred with it and cut away; covers every kernel up to a sigma of 6 px."""


class HeldOut(NamedTuple):
    """Aligned held-out pictures."""

    blurry: Tensor
    """(N, 3, H, W), sRGB in [0, 1]."""
    sharp: Tensor
    """(N, 3, H, W)."""
    sigma_px: Tensor
    """(N, 1, H, W)."""


def scikit_image_pictures() -> list[Picture]:
    """The photographs of ``PICTURES``."""
    import skimage.data

    return [getattr(skimage.data, name)().astype(np.float32) / 255.0 for name in PICTURES]


def held_out_scenes(photos: list[Picture], config: RunConfig, count: int) -> HeldOut:
    """Layered scenes from a seed no training run uses; without photographs they are of dead leaves."""
    return HeldOut(*aligned_scenes(photos, config.scenes, HELD_OUT_SEED, count))


def textured_crops(photos: list[Picture], per_photo: int) -> Tensor:
    """Textured crops of every photograph large enough, each the sharpest of many at random places and scales.

    Args:
        photos: (H, W, 3), sRGB in [0, 1].
        per_photo: crops taken from each.

    Returns:
        (N, 3, S, S), sRGB in [0, 1], of 256 levels; N at most ``per_photo * len(photos)``, S the side with margins.

    Raises:
        ReblurError: all photographs are too small.
    """
    size = CROP_PX + 2 * MARGIN_PX
    large = [photo for photo in photos if min(photo.shape[:2]) >= size]
    if not large:
        raise ReblurError(f"crops blurred evenly need photographs of at least {size} px a side, none is that large")
    return uniform_crops(large, size, per_photo * len(large), HELD_OUT_SEED)


def blur_evenly(crops: Tensor, kind: Psf, sigma_px: float, noise_levels: float = 0.0) -> HeldOut:
    """Crops blurred with one PSF everywhere, in linear light; then noise, then rounding to 8 bits.

    Args:
        crops: what ``textured_crops`` gave.
        kind: the PSF.
        sigma_px: its standard deviation per axis, at most 6; 0 leaves the crops as they are.
        noise_levels: standard deviation of the noise at middle grey in 8-bit steps, in sRGB; the same for every blur,
            so that only the blur differs between the rows of a table; none where ``sigma_px`` is 0.

    Returns:
        Pictures of ``CROP_PX`` a side.
    """
    assert reach_px(sigma_px) <= MARGIN_PX, "the blur reaches into the picture from where nothing was blurred"
    blurry, kernel_sigma_px = crops, 0.0
    if sigma_px > 0:
        noise = noise_levels / (LEVELS - 1)
        blurry, kernel_sigma_px = blur_uniform(crops, kind, sigma_px, noise=noise, seed=HELD_OUT_SEED)
    inner = (..., slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    sigma = torch.full((len(crops), 1, CROP_PX, CROP_PX), kernel_sigma_px)
    return HeldOut(blurry[inner], crops[inner], sigma)
