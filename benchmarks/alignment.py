"""How close alignment brings the sharp picture of a misaligned pair to the truth, by flow alone and by matched blur.

    python -m benchmarks.alignment
    python -m benchmarks.alignment --photos PHOTOS --pairs 96 --shift 8

Synthetic scenes do not depend on the misalignment, so the true sharp picture is that of the same scene without any.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from runtime.system.errors import ReblurError
from train.data.pair_pool import align
from train.data.photos import load_photo_bytes
from train.data.synthetic_pairs import SyntheticSource
from train.presets import mobile

BORDER_PX = 12
"""Left out: there the second shot may not show what the first does."""
LEVELS_PX = {"0 to 1.5 px": (0.0, 1.5), "1.5 to 3 px": (1.5, 3.0), "3 px and up": (3.0, 99.0), "all": (0.0, 99.0)}
"""Of the largest sigma of a scene."""


def psnr_db(picture: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """(N,) PSNR within a mask (N, 1, H, W), away from the border."""
    inner = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    weight = mask[inner]
    squared = ((picture - truth) ** 2).mean(1, keepdim=True)[inner] * weight
    return -10 * torch.log10(squared.sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=1.0) + 1e-12)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alignment", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, help="folder of sharp photographs (default: procedural pictures)")
    parser.add_argument("--pairs", type=int, default=64, help="pairs (default: 64)")
    parser.add_argument("--shift", type=float, default=4.0, help="largest shift along each axis, px (default: 4)")
    args = parser.parse_args(argv)
    config = mobile()
    try:
        photos = load_photo_bytes(args.photos) if args.photos else []
    except ReblurError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    def source(shift_px: float) -> SyntheticSource:
        misalign = dataclasses.replace(config.misalign, shift_px=shift_px)
        return SyntheticSource(photos, dataclasses.replace(config, misalign=misalign))

    truth = source(0.0).pairs(0, args.pairs).sharp
    pairs = source(args.shift)
    made = pairs.pairs(0, args.pairs)
    strongest = torch.tensor([max(pairs.renderer.plan(index).sigmas_px) for index in range(args.pairs)])
    print(
        f"{args.pairs} scenes, shifts up to {args.shift:g} px; PSNR of the moved sharp picture against the true one, dB"
    )
    print(
        f"{'largest sigma':<14} {'scenes':>6} {'not moved':>10} {'flow':>7} {'masked':>7} {'matched':>8} {'masked':>7}"
    )
    everywhere = torch.ones_like(truth[:, :1])
    columns = [psnr_db(made.sharp, truth, everywhere)]
    for method in ("flow", "blur_matched"):
        moved, mask = align(made, dataclasses.replace(config.loss, alignment=method))
        columns += [psnr_db(moved, truth, everywhere), psnr_db(moved, truth, mask)]
    for name, (low, high) in LEVELS_PX.items():
        chosen = (strongest >= low) & (strongest < high)
        values = " ".join(f"{float(c[chosen].mean()):>{w}.1f}" for c, w in zip(columns, (10, 7, 7, 8, 7), strict=True))
        print(f"{name:<14} {int(chosen.sum()):>6} {values}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
