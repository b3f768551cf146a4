"""Figures on held-out scenes: does it deblur, and does the sigma map follow the true one?

    python -m train.evaluate
    python -m train.evaluate --checkpoint runs/first/checkpoint.safetensors --photos OTHER_PHOTOS --grid grid.png

Scenes are rendered from seeds that training never uses; unless a folder is given, from photographs that come with
scikit-image, which training never uses either.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from train.checkpoint import SHIPPED, load_deployable
from train.config import RunConfig
from train.data.photos import Picture, load_photos
from train.data.scenes import render_scene
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.presets import mobile

TEXTURE_THRESHOLD = 0.02
"""Local mean absolute deviation (sRGB units) above which blur can be told from a flat surface."""
HELD_OUT_SEED = 990_000
BLURRED_FROM_PX = 0.5
"""A scene whose largest sigma is below this counts as in focus."""
BLUR_LEVELS_PX = (0.0, BLURRED_FROM_PX, 1.5, 3.0, 6.0)
"""Edges of the blur levels that figures are also given by, as the largest sigma of a scene."""
PICTURES = ("astronaut", "chelsea", "coffee", "rocket")
"""Photographs in scikit-image that are sharp enough to be blurred."""


class HeldOut(NamedTuple):
    """Aligned held-out scenes."""

    blurry: Tensor
    """(N, 3, H, W), sRGB in [0, 1]."""
    sharp: Tensor
    """(N, 3, H, W)."""
    sigma_px: Tensor
    """(N, 1, H, W)."""


@dataclass(frozen=True)
class Figures:
    """Means over the held-out scenes."""

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

    def __str__(self) -> str:
        return (
            f"PSNR {self.input_psnr_db:.2f} -> {self.output_psnr_db:.2f} dB "
            f"(gain {self.gain_db:+.2f}, on blurred scenes {self.blurred_gain_db:+.2f}, "
            f"worst {self.worst_gain_db:+.2f}); "
            f"sigma MAE {self.sigma_mae_px:.2f} px, bias {self.sigma_bias_px:+.2f}, "
            f"rank correlation {self.sigma_correlation:.2f}"
        )


def held_out_scenes(photos: list[Picture], config: RunConfig, count: int) -> HeldOut:
    """Scenes from seeds no training run uses."""
    scenes = [
        render_scene(photos, config.scenes, np.random.default_rng((HELD_OUT_SEED, index)))
        for index in tqdm(range(count), desc="held-out scenes", unit="scene", leave=False)
    ]
    return HeldOut(
        torch.from_numpy(np.stack([s.blurry.transpose(2, 0, 1) for s in scenes])),
        torch.from_numpy(np.stack([s.sharp.transpose(2, 0, 1) for s in scenes])),
        torch.from_numpy(np.stack([s.sigma_px[None] for s in scenes])),
    )


def scikit_image_pictures() -> list[Picture]:
    """The photographs of ``PICTURES``."""
    import skimage.data

    return [getattr(skimage.data, name)().astype(np.float32) / 255.0 for name in PICTURES]


@torch.no_grad()
def restore(deblur: DeblurNet, defocus: DefocusNet, blurry: Tensor, batch_size: int = 8) -> tuple[Tensor, Tensor]:
    """Sharp images clamped to [0, 1] (N, 3, H, W) and sigma maps (N, 1, H, W) of blurry ones."""
    sharp, sigma = [], []
    for part in tqdm(blurry.split(batch_size), desc="restoring", unit="batch", leave=False):
        sigma.append(defocus(part))
        sharp.append(deblur(part, sigma[-1]).clamp(0, 1))
    return torch.cat(sharp), torch.cat(sigma)


def texture_mask(sharp: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H, W) bool, where the sharp image has texture."""
    grey = sharp.mean(1, keepdim=True)
    detail = (grey - F.avg_pool2d(grey, 7, 1, 3, count_include_pad=False)).abs()
    return F.avg_pool2d(detail, 9, 1, 4, count_include_pad=False) > TEXTURE_THRESHOLD


def psnr_per_image(a: Tensor, b: Tensor) -> Tensor:
    """(N,) PSNR in dB of pictures in [0, 1]."""
    return -10 * torch.log10(((a - b) ** 2).mean((1, 2, 3)).clamp(min=1e-12))


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two vectors; ties share their average rank."""
    first, second = a.double().numpy(), b.double().numpy()
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(_average_ranks(first), _average_ranks(second))[0, 1])


def _average_ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse]


def evaluate(deblur: DeblurNet, defocus: DefocusNet, data: HeldOut) -> Figures:
    """The figures of a pair of networks (in eval mode, on the CPU)."""
    restored, sigma_px = restore(deblur, defocus, data.blurry)
    return figures_of(restored, sigma_px, data)


def figures_of(restored: Tensor, sigma_px: Tensor, data: HeldOut) -> Figures:
    """The figures of restored images (N, 3, H, W) and sigma maps (N, 1, H, W)."""
    before, after = psnr_per_image(data.blurry, data.sharp), psnr_per_image(restored, data.sharp)
    gain = after - before
    blurred = data.sigma_px.amax((1, 2, 3)) >= BLURRED_FROM_PX
    textured = texture_mask(data.sharp)
    error = (sigma_px - data.sigma_px)[textured]
    return Figures(
        input_psnr_db=float(before.mean()),
        output_psnr_db=float(after.mean()),
        gain_db=float(gain.mean()),
        blurred_gain_db=float(gain[blurred].mean()) if blurred.any() else 0.0,
        worst_gain_db=float(gain.min()),
        sigma_mae_px=float(error.abs().mean()),
        sigma_bias_px=float(error.mean()),
        sigma_correlation=rank_correlation(data.sigma_px[textured], sigma_px[textured]),
        scenes=len(data.blurry),
    )


def by_blur_level(data: HeldOut) -> dict[str, Tensor]:
    """Which scenes belong to each level of their largest sigma, (N,) bool; empty levels are left out."""
    strongest = data.sigma_px.amax((1, 2, 3))
    levels = {}
    for low, high in itertools.pairwise(BLUR_LEVELS_PX):
        chosen = (strongest >= low) & (strongest < high)
        if chosen.any():
            levels[f"{low:g} to {high:g} px"] = chosen
    return levels


def print_table(deblur: DeblurNet, defocus: DefocusNet, data: HeldOut) -> None:
    """Print the figures of all scenes and of each blur level."""
    restored, sigma_px = restore(deblur, defocus, data.blurry)
    print(f"{'largest sigma':<14} {'scenes':>6}  figures")
    for level, chosen in {"all": torch.ones(len(data.blurry), dtype=torch.bool), **by_blur_level(data)}.items():
        figures = figures_of(restored[chosen], sigma_px[chosen], HeldOut(*(t[chosen] for t in data)))
        print(f"{level:<14} {figures.scenes:>6}  {figures}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="default: the one that ships")
    parser.add_argument("--photos", type=Path, help="folder of sharp photographs (default: scikit-image's)")
    parser.add_argument("--scenes", type=int, default=96, help="number of scenes (default: 96)")
    parser.add_argument("--grid", type=Path, help="also write a PNG of the first scenes")
    args = parser.parse_args(argv)
    try:
        if args.scenes < 1:
            raise ValueError(f"--scenes must be at least 1, got {args.scenes}")
        networks = load_deployable(args.checkpoint)
        photos = load_photos(args.photos) if args.photos else scikit_image_pictures()
        data = held_out_scenes(photos, mobile(), args.scenes)
        print_table(networks.deblur, networks.defocus, data)
        if args.grid:
            from train.grid import write_grid

            write_grid(args.grid, networks.deblur, networks.defocus, None, data, rows=8)
            print(f"wrote {args.grid}")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
