"""The variants of the method that ``train.ablate`` compares, and how each is trained and measured.

All variants of a cell (misalignment, seed) start from the same weights, see the same pairs in the same order and take
the same number of steps. They differ in their ``LossConfig`` alone.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from train.checkpoint import Restorer
from train.config import LossConfig, RunConfig
from train.data.pair_pool import PairPool
from train.data.synthetic_pairs import Photos, SyntheticSource
from train.evaluation.held_out import HeldOut
from train.evaluation.inference import restore
from train.evaluation.metrics import psnr_per_image, texture_mask
from train.evaluation.misaligned import shift_of
from train.evaluation.summary import BLURRED_FROM_PX
from train.loop.collapse_check import examine
from train.loop.run_state import initial_state
from train.loop.training_step import training_step
from train.networks.deblur import DeblurNet, Fade
from train.networks.fade import FadeConfig
from train.objective.losses import reblur_picture
from train.objective.step import Networks
from train.progress import progress_bar

LARGE_BLUR_PX = 2.5
"""Sigma from which a pixel counts as under large blur."""
EDGE_STEP_PX = 0.5
"""Step of the true sigma map that makes a depth edge."""
EDGE_REACH_PX = 5
"""Distance from a depth edge within which a pixel counts as beside it."""
SMALLEST_REGION = 0.02
"""Share of a scene a region has to cover for the scene to count there."""

OURS, ORACLE, PIXEL_LOSS = "Reblur", "oracle", "pixel loss"
COUPLED = LossConfig()
"""The losses of one training for all: what a variant changes something of unless it starts from what ships."""
NO_FADE = FadeConfig(start_px=0.0, full_px=1e-3)
LIVING_FADE = FadeConfig(start_px=0.0)
"""Of networks trained together: a fade passes no gradient where the map is below its start, and a run may end there."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a variant is trained with."""

    loss: Mapping[str, Any] = field(default_factory=dict)
    """What it changes in ``COUPLED``, or in the preset's losses."""
    shipped: bool = False
    """Whether it starts from the preset's losses and fade, which are what ships."""
    stage_three: bool = False
    """Whether the reblurring module rests after a while."""
    fade: Mapping[str, Any] | None = None
    """What it changes in the preset's fade."""


def _coupled(**loss: Any) -> Variant:
    return Variant(loss=loss)


def _without(part: Mapping[str, Any] | None = None, *, fade: Mapping[str, Any] | None = None) -> Variant:
    """What ships with one part of it taken away."""
    return Variant(loss=part or {}, shipped=True, stage_three=True, fade=fade)


NOTHING: dict[str, Any] = {"reblur": 0.0, "pseudo_sigma": 0.0, "triplet_share": 0.0, "sharp_share": 0.0}
FLOW_AND_KERNELS: dict[str, Any] = {
    "deform": "two_way",
    "alignment": "flow",
    "triplet_share": 0.0,
    "sharp_share": 0.0,
}
VARIANTS: dict[str, Variant] = {
    ORACLE: _coupled(deform="pixel", alignment="flow", **NOTHING),
    PIXEL_LOSS: _coupled(deform="pixel", alignment="flow", **NOTHING),
    "warping": _coupled(deform="moved", alignment="flow", masks=False, **NOTHING),
    "warping, masks": _coupled(deform="moved", alignment="flow", **NOTHING),
    "full, no pseudo supervision": _coupled(reblur_source="restored", pseudo_sigma=0.0, **FLOW_AND_KERNELS),
    "full, sigma from restored (paper)": _coupled(reblur_source="restored", **FLOW_AND_KERNELS),
    "full, sigma from moved sharp": _coupled(reblur_source="warped_sharp", **FLOW_AND_KERNELS),
    "matched alignment, masks": _coupled(deform="moved", alignment="blur_matched", **NOTHING),
    "matched alignment, no masks": _coupled(deform="moved", alignment="blur_matched", masks=False, **NOTHING),
    "coupled": Variant(stage_three=True),
    OURS: _without(),
    "Reblur, no fade": _without(fade=dataclasses.asdict(NO_FADE)),
    "Reblur (fade from 0.05 px)": _without(fade={"start_px": 0.05, "full_px": 0.25}),
    "Reblur (fade from 0.25 px)": _without(fade={"start_px": 0.25, "full_px": 0.6}),
    "Reblur (fade from 0.35 px)": _without(fade={"start_px": 0.35, "full_px": 0.85}),
    "Reblur, fade pixel by pixel": _without(fade={"window_cells": 0}),
    "Reblur, no matched blur": _without({"alignment": "flow"}),
    "Reblur, Lanczos": _without({"resampling": "lanczos"}),
    "Reblur, masks": _without({"masks": True}),
    "Reblur, no sharp crops": _without({"sharp_share": 0.0}),
}
"""By name. The oracle is trained on aligned pairs."""


@dataclass(frozen=True)
class Result:
    """What a variant reaches on held-out aligned scenes. Gains are in dB over the blurry input."""

    variant: str
    misalignment_px: float
    seed: int
    gain_db: float
    """Mean over all scenes."""
    blurred_gain_db: float
    """Mean over the blurred scenes."""
    sharp_gain_db: float
    """Mean over the scenes that are in focus: what is done to pictures that need nothing."""
    worst_db: float
    """Of all scenes."""
    worst_tenth_db: float
    """Mean over the worst tenth of the scenes."""
    large_blur_db: float
    """Where sigma is at least 2.5 px."""
    depth_edge_db: float
    """Within 5 px of a step of depth."""
    sigma_mae_px: float | None
    """Of the estimator, on textured area; None where nothing holds its map to pixels."""
    reblur_sigma_mae_px: float | None
    """Of the reblurring module between the true sharp picture and the blurry one."""
    shift_px: float
    """Median displacement of the restored pictures against the blurry ones, on textured area."""
    health: str
    """Verdict on the reblurring module."""
    seconds: float
    """Training time."""


def configure(base: RunConfig, variant: str, misalignment_px: float, seed: int) -> RunConfig:
    """The configuration of one run."""
    changes = VARIANTS[variant]
    fit = dataclasses.replace(base.fit, seed=seed)
    if not changes.stage_three:
        fit = dataclasses.replace(fit, stage_three_from=1.0)
    loss: LossConfig = dataclasses.replace(base.loss if changes.shipped else COUPLED, **changes.loss)
    # The preset's fade is made for a map that was trained apart.
    fade = dataclasses.replace(base.networks.fade, **changes.fade or {}) if loss.decoupled else LIVING_FADE
    networks = dataclasses.replace(base.networks, fade=fade)
    shift_px = 0.0 if variant == ORACLE else misalignment_px
    misalign = dataclasses.replace(base.misalign, shift_px=shift_px)
    return dataclasses.replace(base, networks=networks, loss=loss, fit=fit, misalign=misalign)


class Pools:
    """The pools of one cell, each made once: variants that align alike train on the very same crops.

    Args:
        photos: of the scenes.
        device: where the pools lie, and the networks are trained.
        workers: processes that make pairs.
    """

    def __init__(self, photos: Photos, device: torch.device | str = "cpu", workers: int = 0) -> None:
        self.photos = photos
        self.device = torch.device(device)
        self.workers = workers
        self._made: dict[tuple[int, float, str], PairPool] = {}

    def pool_for(self, config: RunConfig) -> PairPool:
        """A pool that starts anew."""
        assert config.fit.pool_refresh == 0, "only a pool that stays as it is can be used again"
        cell = config.fit.seed, config.misalign.shift_px
        key = *cell, f"{config.loss.alignment}, {config.loss.resampling}"
        if key not in self._made:
            # Of another cell nothing is needed any more, but for the oracle's pairs.
            self._made = {k: pool for k, pool in self._made.items() if k[:2] == cell or k[1] == 0.0}
            self._made[key] = PairPool(
                SyntheticSource(self.photos, config), config, device=self.device, workers=self.workers
            )
        pool = self._made[key]
        pool.step, pool.reblur = 0, None
        return pool


def train_variant(config: RunConfig, pool: PairPool) -> tuple[Networks, Restorer, str]:
    """Train; returns the networks, the averaged deployable ones, and the verdict on the reblurring module."""
    state = initial_state(config, pool.pairs.device)
    verdict = "not used"
    for _ in progress_bar(range(config.fit.total_steps), desc="training", unit="step", leave=False):
        batch, result, *_ = training_step(state, pool, config)
        if result.reblurred is not None and state.step % config.fit.log_every == 0:
            verdict = examine(result.reblurred, batch, partial(reblur_picture, state.networks.reblur)).verdict
    return state.networks, state.restorer(config), verdict


class Trainings:
    """Trains variants; those that differ in the fade alone, which decoupled training leaves out, once together."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        self._last: tuple[RunConfig, tuple[Networks, Restorer, str], float] | None = None

    def trained(self, config: RunConfig) -> tuple[Networks, Restorer, str, float]:
        """As ``train_variant``, and the seconds that training took."""
        without_fade = config
        if config.loss.decoupled:
            without_fade = dataclasses.replace(config, networks=dataclasses.replace(config.networks, fade=NO_FADE))
        if self._last is None or self._last[0] != without_fade:
            pool = self.pools.pool_for(config)
            started = time.perf_counter()
            made = train_variant(config, pool)
            self._last = without_fade, made, time.perf_counter() - started
        _, (networks, averaged, verdict), seconds = self._last
        if isinstance(averaged.deblur, DeblurNet):
            averaged.deblur.fade = Fade(config.networks.fade).to(self.pools.device)
        return networks, averaged, verdict, seconds


def run_variant(
    base: RunConfig, variant: str, misalignment_px: float, seed: int, trainings: Trainings, held_out: HeldOut
) -> Result:
    """Train one variant in one cell and measure it."""
    config = configure(base, variant, misalignment_px, seed)
    networks, averaged, verdict, seconds = trainings.trained(config)
    restored, sigma_px = restore(averaged.deblur, averaged.defocus, held_out.blurry)
    scene_gains = psnr_per_image(restored, held_out.sharp) - psnr_per_image(held_out.blurry, held_out.sharp)
    blurred = held_out.sigma_px.amax((1, 2, 3)) >= BLURRED_FROM_PX
    ascending = scene_gains.sort().values
    kernels = config.loss.uses_reblurring
    return Result(
        variant=variant,
        misalignment_px=misalignment_px,
        seed=seed,
        gain_db=float(scene_gains.mean()),
        blurred_gain_db=float(scene_gains[blurred].mean()),
        sharp_gain_db=float(scene_gains[~blurred].mean()),
        worst_db=float(ascending[0]),
        worst_tenth_db=float(ascending[: max(1, len(ascending) // 10)].mean()),
        large_blur_db=region_gain(restored, held_out, held_out.sigma_px >= LARGE_BLUR_PX),
        depth_edge_db=region_gain(restored, held_out, depth_edges(held_out.sigma_px)),
        sigma_mae_px=_sigma_mae(sigma_px, held_out) if config.loss.pseudo_sigma else None,
        reblur_sigma_mae_px=_sigma_mae(_reblur_sigma(networks, held_out), held_out) if kernels else None,
        shift_px=_median_shift(restored, held_out.blurry),
        health=verdict,
        seconds=seconds,
    )


def region_gain(restored: Tensor, data: HeldOut, region: Tensor) -> float:
    """Mean gain in dB within a region (N, 1, H, W) bool, over the scenes of which it covers enough."""
    weight = region.float()
    enough = weight.mean((1, 2, 3)) >= SMALLEST_REGION

    def error(picture: Tensor) -> Tensor:
        squared = ((picture - data.sharp) ** 2).mean(1, keepdim=True) * weight
        return squared.sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=1.0)

    gains = 10.0 * torch.log10((error(data.blurry) + 1e-12) / (error(restored) + 1e-12))
    return float(gains[enough].mean()) if enough.any() else float("nan")


def depth_edges(sigma_px: Tensor) -> Tensor:
    """(N, 1, H, W) bool, beside a step of the true sigma map."""
    reach = 2 * EDGE_REACH_PX + 1
    step = F.max_pool2d(sigma_px, 3, 1, 1) + F.max_pool2d(-sigma_px, 3, 1, 1)
    return F.max_pool2d((step > EDGE_STEP_PX).float(), reach, 1, EDGE_REACH_PX) > 0


def _sigma_mae(sigma_px: Tensor, data: HeldOut) -> float:
    return float((sigma_px - data.sigma_px).abs()[texture_mask(data.sharp)].mean())


@torch.no_grad()
def _reblur_sigma(networks: Networks, data: HeldOut) -> Tensor:
    device = next(networks.reblur.parameters()).device
    parts = zip(data.sharp.split(8), data.blurry.split(8), strict=True)
    return torch.cat([networks.reblur(sharp.to(device), blurry.to(device)).sigma_px.cpu() for sharp, blurry in parts])


def _median_shift(restored: Tensor, blurry: Tensor) -> float:
    shifts = [
        shift_of(output.permute(1, 2, 0).contiguous().numpy(), picture.permute(1, 2, 0).contiguous().numpy())
        for output, picture in zip(restored, blurry, strict=True)
    ]
    found = torch.tensor([shift.median_px for shift in shifts if shift is not None])
    return float(found.mean()) if len(found) else float("nan")


Cell = tuple[str, float, int]
"""Variant, misalignment in pixels, seed."""


def cells(misalignments_px: list[float], seeds: int, seeds_at_px: float) -> Iterator[Cell]:
    """Every run.

    More than one seed, the oracle, and the recipe with a part of it taken away at ``seeds_at_px`` only.
    """
    for misalignment_px in misalignments_px:
        at_headline = misalignment_px == seeds_at_px
        for seed in range(seeds if at_headline else 1):
            for variant, changes in VARIANTS.items():
                if at_headline or variant == OURS or not (variant == ORACLE or changes.shipped):
                    yield variant, misalignment_px, seed
