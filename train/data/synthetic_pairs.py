"""Synthetic pairs and held-out scenes, made on the training device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.config import RunConfig, SceneConfig
from train.data.alignment import batch_flow
from train.data.camera import Exposure, expose
from train.data.pair_pool import Pairs
from train.data.photos import PhotoBank
from train.data.psf import ApertureShape, PsfKind, aperture, blur_circular, kernel_sigma_px, psf_kernels, reach_px
from train.data.scenes import SceneRenderer
from train.data.second_shot import Move, draw_move, second_shot
from train.data.srgb import linear_of

Photos = Sequence[FloatArray | NDArray[np.uint8]]
"""(H, W, 3) each: sRGB in [0, 1], or bytes."""

MOVE_STREAM, CROP_STREAM = 103, 104
SCENES_AT_ONCE = {"cpu": 1, "cuda": 16}
"""By kind of device. On a CPU one: a scene must not depend, not in its last bit, on what it is made along with."""
CROP_ATTEMPTS = 24


class SyntheticSource:
    """Misaligned pairs of synthetic scenes; a ``train.data.pair_pool.PairSource``.

    The scenes do not depend on ``config.misalign``: runs that differ in it see the same blurry pictures.
    """

    def __init__(self, photos: Photos, config: RunConfig) -> None:
        self.config = config
        self.renderer = SceneRenderer(photos, config.scenes, config.fit.seed)

    def pairs(self, first: int, count: int) -> Pairs:
        """Pairs ``first`` to ``first + count - 1``, with their optical flow."""
        made = [self._pictures(range_) for range_ in chunks(first, count, self.renderer.device)]
        blurry, sharp = (torch.cat(parts) for parts in zip(*made, strict=True))
        method = self.config.loss.flow
        return Pairs(blurry, sharp, batch_flow(blurry, sharp, method), batch_flow(sharp, blurry, method))

    def _pictures(self, indices: range) -> tuple[Tensor, Tensor]:
        plans = [self.renderer.plan(index) for index in indices]
        scenes = self.renderer.render(plans)
        misalign = self.config.misalign
        if misalign.shift_px == 0:
            return scenes.blurry, scenes.sharp
        seed = self.config.fit.seed
        moves = [draw_move(misalign, np.random.default_rng((seed, MOVE_STREAM, index))) for index in indices]
        depths = [plan.inverse_depths for plan in plans]
        moves = [_without_tint(move) if plan.exposure.grey else move for move, plan in zip(moves, plans, strict=True)]
        sharp = second_shot(scenes.twofold, depths, moves, self.config.scenes.size_px)
        return scenes.blurry, sharp.float()


def _without_tint(move: Move) -> Move:
    """The same move, all channels exposed like green."""
    return move._replace(gains=(move.gains[1],) * 3)


def chunks(first: int, count: int, device: torch.device) -> Iterator[range]:
    """``range(first, first + count)`` in pieces that are rendered at once."""
    size = SCENES_AT_ONCE.get(device.type, 1)
    for start in range(first, first + count, size):
        yield range(start, min(start + size, first + count))


def aligned_scenes(
    photos: Photos, config: SceneConfig, seed: int, count: int, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """Scenes 0 to ``count - 1`` of a seed without misalignment: for evaluation, with a seed no training uses.

    Returns:
        blurry and sharp (N, 3, S, S), sRGB in [0, 1], and sigma_px (N, 1, S, S).
    """
    renderer = SceneRenderer(photos, config, seed, device)
    rendered = (
        renderer.render([renderer.plan(index) for index in range_]) for range_ in chunks(0, count, renderer.device)
    )
    parts = [(scene.blurry, scene.sharp, scene.sigma_px) for scene in rendered]
    blurry, sharp, sigma_px = (torch.cat(part) for part in zip(*parts, strict=True))
    return blurry, sharp, sigma_px


def uniform_crops(photos: Photos, size_px: int, count: int, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Sharp, textured crops of photographs in turn: (N, 3, size, size), sRGB in [0, 1]."""
    bank = PhotoBank(photos, device)
    crops = []
    for index in range(count):
        rng = np.random.default_rng((seed, CROP_STREAM, index))
        window = bank.choose(size_px, rng, attempts=CROP_ATTEMPTS, enough=np.inf, photo=index % len(bank))
        crops.append(bank.cut(window, size_px))
    return torch.stack(crops).float() / 255.0


@torch.no_grad()
def blur_uniform(
    sharp: Tensor, kind: PsfKind, sigma_px: float, *, noise: float = 0.0, seed: int = 0
) -> tuple[Tensor, float]:
    """The same blur everywhere, in linear light; beyond the edge the picture is mirrored.

    Args:
        sharp: (N, 3, H, H), sRGB in [0, 1].
        kind: the PSF; a polygon has six blades.
        sigma_px: its standard deviation per axis.
        noise: of the camera, at middle grey, in sRGB units.
        seed: of the noise.

    Returns:
        (N, 3, H, H), sRGB in [0, 1], of 256 levels, and the standard deviation of the kernel as it was drawn.
    """
    count, _, side, _ = sharp.shape
    reach = min(reach_px(sigma_px), side - 1)
    shape = ApertureShape(kind, rotation_rad=0.3)
    kernel = psf_kernels(torch.tensor([sigma_px], device=sharp.device), aperture([shape], sharp.device), reach)
    light = blur_circular(F.pad(linear_of(sharp), (reach,) * 4, mode="reflect"), kernel.expand(count, -1, -1))
    light = light[..., reach : reach + side, reach : reach + side].clamp(min=0.0)
    exposures = [Exposure(noise, 0.01, seed + index) for index in range(count)]
    return expose(light, exposures), float(kernel_sigma_px(kernel))
