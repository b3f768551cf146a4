"""What the fine-tuning for int8 looks at: crops of synthetic scenes, sharp pictures, flat ones and noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.config import SceneConfig
from train.data.scenes import SceneRenderer
from train.progress import progress_bar

SCENES_SEED = 771_001
"""Of the scenes, which no training of the float networks has seen."""
CROP_STREAM, MAP_STREAM = 105, 106
LEAVES = 12
"""Dead-leaves pictures to take crops of: fewer than for training, since there are few scenes."""
FLAT_SHARE, NOISE_SHARE = 0.08, 0.04
"""Shares of the crops of a batch that are one colour, and that are uniform noise."""
SHARP_SHARE = 0.25
"""Share of the crops that are the scene all in focus; the rest are as the camera saw it."""
MAP_CELL_PX = 16
"""Size of the spots of error that a sigma map is given."""
MAP_ERROR = 0.1
"""Their standard deviation, in pixels and relative to the map."""
FAINT_EVERY, FAINT_PX = 4, (0.3, 1.2)
"""One map in so many says the same small blur everywhere, in pixels: there the answer is small, and errors show."""


class Pictures(NamedTuple):
    """Scenes to crop from."""

    blurry: Tensor
    """(N, 3, S, S), sRGB in [0, 1]."""
    sharp: Tensor
    """(N, 3, S, S), the same all in focus."""


def render_pictures(
    photos: Sequence[FloatArray | NDArray[np.uint8]],
    count: int,
    size_px: int,
    seed: int = SCENES_SEED,
    scenes: SceneConfig | None = None,
) -> Pictures:
    """Scenes 0 to ``count - 1`` of a seed, without misalignment, with a progress bar.

    Args:
        photos: (H, W, 3) each, sRGB in [0, 1] or bytes; procedural scenes where there are none.
        count: number of scenes.
        size_px: their side.
        seed: of the scenes.
        scenes: what they are like (default: as by day, with everyday blur); size and number of leaves are set here.
    """
    config = dataclasses.replace(scenes or SceneConfig(), size_px=size_px, dead_leaves_count=LEAVES)
    renderer = SceneRenderer(photos, config, seed)
    blurry, sharp = [], []
    for index in progress_bar(range(count), desc="making scenes", unit="scene", leave=False):
        scene = renderer.render([renderer.plan(index)])
        blurry.append(scene.blurry)
        sharp.append(scene.sharp)
    return Pictures(torch.cat(blurry), torch.cat(sharp))


def crops(pictures: Pictures, count: int, crop_px: int, seed: int, step: int) -> Tensor:
    """The crops of a step, a pure function of its arguments: (count, 3, crop_px, crop_px), sRGB in [0, 1]."""
    rng = np.random.default_rng((seed, CROP_STREAM, step))
    return torch.stack([_crop(pictures, crop_px, rng) for _ in range(count)])


def photograph_crops(pictures: Pictures, count: int, crop_px: int, batches: int) -> Iterator[Tensor]:
    """Crops without noise and flat pictures, to measure ranges with: ``batches`` of (count, 3, crop_px, crop_px).

    As in the export, what is no photograph must not widen the ranges, and every step of eight bits with them.
    """
    for batch in range(batches):
        rng = np.random.default_rng((SCENES_SEED, CROP_STREAM, batch))
        yield torch.stack([_scene_crop(pictures, crop_px, rng) for _ in range(count)])


def vary_map(sigma_px: Tensor, sigma_max_px: float, seed: int, step: int) -> Tensor:
    """Give every second map spots of error, as another estimator might, and make some faint: (B, 1, H, W) pixels."""
    generator = torch.Generator().manual_seed(int(np.random.default_rng((seed, MAP_STREAM, step)).integers(2**62)))
    batch, _, height, width = sigma_px.shape
    coarse = torch.randn(batch, 1, max(2, height // MAP_CELL_PX), max(2, width // MAP_CELL_PX), generator=generator)
    error = MAP_ERROR * F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    error[::2] = 0.0
    varied = (sigma_px + error * (1.0 + sigma_px)).clamp(0.0, sigma_max_px)
    low, high = FAINT_PX
    faint = varied[::FAINT_EVERY]
    faint.copy_((low + (high - low) * torch.rand(len(faint), 1, 1, 1, generator=generator)).expand_as(faint))
    return varied


def _crop(pictures: Pictures, crop_px: int, rng: np.random.Generator) -> Tensor:
    kind = rng.uniform()
    if kind < NOISE_SHARE:
        return torch.from_numpy(rng.uniform(size=(3, crop_px, crop_px)).astype(np.float32))
    if kind < NOISE_SHARE + FLAT_SHARE:
        colour = torch.from_numpy(np.round(255 * rng.uniform(size=3)).astype(np.float32)) / 255.0
        return colour[:, None, None].expand(3, crop_px, crop_px).contiguous()
    return _scene_crop(pictures, crop_px, rng)


def _scene_crop(pictures: Pictures, crop_px: int, rng: np.random.Generator) -> Tensor:
    return random_crop(pictures.sharp if rng.uniform() < SHARP_SHARE else pictures.blurry, crop_px, rng)


def random_crop(source: Tensor, crop_px: int, rng: np.random.Generator) -> Tensor:
    """(3, crop_px, crop_px) of any of the pictures (N, 3, S, S), mirrored and turned at random."""
    count, _, side, _ = source.shape
    index = int(rng.integers(count))
    y, x = (int(value) for value in rng.integers(0, side - crop_px + 1, 2))
    crop = source[index, :, y : y + crop_px, x : x + crop_px]
    if rng.uniform() < 0.5:
        crop = crop.flip(-1)
    return crop.transpose(-1, -2) if rng.uniform() < 0.5 else crop
