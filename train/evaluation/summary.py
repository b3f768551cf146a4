"""Means over aligned held-out scenes: what a training run reports while it goes on."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from train.evaluation.held_out import HeldOut
from train.evaluation.inference import has_sigma_map, restore
from train.evaluation.metrics import psnr_per_image, sigma_scores, texture_mask
from train.evaluation.results import number, text_table

BLURRED_FROM_PX = 0.5
"""A scene whose largest sigma is below this counts as in focus."""
BLUR_LEVELS_PX = (0.0, BLURRED_FROM_PX, 1.5, 3.0, math.inf)
"""Edges of the blur levels that figures are also given by, as the largest sigma of a scene."""
WORSE_FROM_DB = 0.2
"""A scene counts as made worse when it loses more than this."""


@dataclass(frozen=True)
class Figures:
    """Means over the held-out scenes. Sigma is NaN where the blur map is no sigma, or nothing has texture."""

    input_psnr_db: float
    output_psnr_db: float
    gain_db: float
    blurred_gain_db: float
    """Over the scenes with a sigma of 0.5 px or more somewhere."""
    worst_gain_db: float
    sigma_mae_px: float
    """On textured area."""
    sigma_bias_px: float
    sigma_correlation: float
    """Spearman's rank correlation on textured area."""
    scenes: int = 0
    worse_share: float = 0.0
    """Share of the scenes that lose more than 0.2 dB."""

    def __str__(self) -> str:
        gain = (
            f"PSNR {self.input_psnr_db:.2f} -> {self.output_psnr_db:.2f} dB "
            f"(gain {self.gain_db:+.2f}, on blurred scenes {self.blurred_gain_db:+.2f}, "
            f"worst {self.worst_gain_db:+.2f}, worse by {WORSE_FROM_DB:g} dB {self.worse_share:.0%}); "
        )
        if math.isnan(self.sigma_mae_px):
            return gain + "sigma not run (the blur map is kernel seeds, or no scene has texture)"
        return gain + (
            f"sigma MAE {self.sigma_mae_px:.2f} px, bias {self.sigma_bias_px:+.2f}, "
            f"rank correlation {self.sigma_correlation:.2f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN: what was not measured is null."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in dataclasses.asdict(self).items()}


def evaluate(deblur: nn.Module, defocus: nn.Module, data: HeldOut) -> Figures:
    """The figures of a pair of networks (in eval mode, on any device)."""
    restored, blur_map = restore(deblur, defocus, data.blurry)
    return figures_of(restored, blur_map, data)


def figures_of(restored: Tensor, blur_map: Tensor, data: HeldOut) -> Figures:
    """The figures of restored images (N, 3, H, W) and blur maps (N, C, H, W)."""
    before, after = psnr_per_image(data.blurry, data.sharp), psnr_per_image(restored, data.sharp)
    gain = after - before
    blurred = data.sigma_px.amax((1, 2, 3)) >= BLURRED_FROM_PX
    sigma = sigma_scores(blur_map, data.sigma_px, texture_mask(data.sharp)) if has_sigma_map(blur_map) else None
    return Figures(
        input_psnr_db=float(before.mean()),
        output_psnr_db=float(after.mean()),
        gain_db=float(gain.mean()),
        blurred_gain_db=float(gain[blurred].mean()) if blurred.any() else 0.0,
        worst_gain_db=float(gain.min()),
        sigma_mae_px=sigma.mae_px if sigma else math.nan,
        sigma_bias_px=sigma.bias_px if sigma else math.nan,
        sigma_correlation=math.nan if sigma is None or sigma.rank_correlation is None else sigma.rank_correlation,
        scenes=len(data.blurry),
        worse_share=float((gain < -WORSE_FROM_DB).float().mean()),
    )


LEVEL_HEADINGS = (
    "largest sigma",
    "scenes",
    "input dB",
    "output dB",
    "gain dB",
    "worst dB",
    "made worse",
    "sigma MAE",
    "bias",
    "rank corr.",
)


def by_blur_level(data: HeldOut) -> dict[str, Tensor]:
    """Which scenes belong to each level of their largest sigma, (N,) bool; empty levels are left out."""
    strongest = data.sigma_px.amax((1, 2, 3))
    levels = {}
    for low, high in itertools.pairwise(BLUR_LEVELS_PX):
        chosen = (strongest >= low) & (strongest < high)
        if chosen.any():
            levels[f"{low:g} px and up" if math.isinf(high) else f"{low:g} to {high:g} px"] = chosen
    return levels


def level_table(restored: Tensor, blur_map: Tensor, data: HeldOut) -> str:
    """The figures of all scenes and of each blur level, as text; sigma in pixels, pooled over textured area."""
    rows = []
    everything = {"all": torch.ones(len(data.blurry), dtype=torch.bool)}
    for level, chosen in {**everything, **by_blur_level(data)}.items():
        f = figures_of(restored[chosen], blur_map[chosen], HeldOut(*(t[chosen] for t in data)))
        decibels = number(f.input_psnr_db), number(f.output_psnr_db), number(f.gain_db, sign="+")
        sigma = number(f.sigma_mae_px), number(f.sigma_bias_px, sign="+"), number(f.sigma_correlation)
        rows.append((level, f.scenes, *decibels, number(f.worst_gain_db, sign="+"), f"{f.worse_share:.0%}", *sigma))
    return f"{text_table(rows, LEVEL_HEADINGS)}\nmade worse: share of scenes that lose more than {WORSE_FROM_DB:g} dB"
