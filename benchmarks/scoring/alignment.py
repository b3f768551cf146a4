"""How close alignment brings the sharp picture of a misaligned pair to the truth."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from tabulate import tabulate
from torch import Tensor

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


def print_alignment(photo_folder: Path | None, count: int, shift_px: float) -> None:
    """Measure, and print a line for each level of blur.

    Args:
        photo_folder: sharp photographs; None for procedural pictures.
        count: pairs.
        shift_px: largest shift along each axis.

    Raises:
        ReblurError: the photographs cannot be read.
    """
    config = mobile()
    photos = load_photo_bytes(photo_folder) if photo_folder else []

    def source(shift_px: float) -> SyntheticSource:
        misalign = dataclasses.replace(config.misalign, shift_px=shift_px)
        return SyntheticSource(photos, dataclasses.replace(config, misalign=misalign))

    truth = source(0.0).pairs(0, count).sharp
    misaligned = source(shift_px)
    made = misaligned.pairs(0, count)
    strongest = torch.tensor([max(misaligned.renderer.plan(index).sigmas_px) for index in range(count)])
    print(f"{count} scenes, shifts up to {shift_px:g} px; PSNR of the moved sharp picture against the true one, dB")
    everywhere = torch.ones_like(truth[:, :1])
    columns = [psnr_db(made.sharp, truth, everywhere)]
    for method in ("flow", "blur_matched"):
        moved, mask = align(made, dataclasses.replace(config.loss, alignment=method))
        columns += [psnr_db(moved, truth, everywhere), psnr_db(moved, truth, mask)]
    rows = []
    for name, (low, high) in LEVELS_PX.items():
        chosen = (strongest >= low) & (strongest < high)
        rows.append((name, int(chosen.sum()), *(float(column[chosen].mean()) for column in columns)))
    headings = ("largest sigma", "scenes", "not moved", "flow", "masked", "matched", "masked")
    print(tabulate(rows, headings, floatfmt=".1f"))
