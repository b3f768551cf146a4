"""Gain by strength of blur: textured crops, blurred evenly with a known PSF, restored and compared.

Layered scenes mix all blurs in one number. Here each row of the table is one PSF of one sigma; the last rows are
the sharp crops themselves, which a good network leaves alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from train.data.photos import Picture
from train.evaluation.held_out import HeldOut, blur_evenly, textured_crops
from train.evaluation.inference import has_sigma_map, restore
from train.evaluation.lpips_score import Perceptual
from train.evaluation.metrics import psnr_per_image, sigma_scores, texture_mask
from train.evaluation.results import Row, number, rows_of, text_table
from train.optics.spatially_varying_blur import Psf

PSFS: tuple[Psf, ...] = ("gaussian", "disc")
SIGMAS_PX = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
MEAN_RANGE_PX = (1.0, 3.0)
"""The everyday range: the mean gain over the sigmas within it is the headline."""


@dataclass(frozen=True)
class BlurFigures:
    """Means over the crops blurred with one PSF; sigma in pixels, on textured area, None without a sigma map."""

    psf: Psf
    sigma_px: float
    input_psnr_db: float
    output_psnr_db: float
    gain_db: float
    worst_gain_db: float
    sigma_mae_px: float | None
    sigma_bias_px: float | None


@dataclass(frozen=True)
class SharpFigures:
    """PSNR of restored sharp crops against the crops themselves, and the sigma seen in them."""

    mean_psnr_db: float
    worst_psnr_db: float
    sigma_mean_px: float | None


@dataclass(frozen=True)
class PerSigma:
    """The whole table."""

    blurred: tuple[BlurFigures, ...]
    sharp: SharpFigures
    crops: int
    rows: tuple[Row, ...] = ()
    """One for each crop and blur, if asked for."""

    def mean_gain_db(self, psf: Psf) -> float:
        """Mean gain over the sigmas within ``MEAN_RANGE_PX``, each counted alike."""
        low, high = MEAN_RANGE_PX
        gains = [row.gain_db for row in self.blurred if row.psf == psf and low <= row.sigma_px <= high]
        return sum(gains) / len(gains)


def per_sigma(
    deblur: nn.Module,
    defocus: nn.Module,
    photos: list[Picture],
    crops_per_photo: int = 4,
    noise_levels: float = 0.5,
    sigmas_px: Sequence[float] = SIGMAS_PX,
    with_rows: bool = False,
    perceptual: Perceptual | None = None,
) -> PerSigma:
    """Measure a pair of networks.

    Args:
        deblur: (blurry, blur map) -> sharp.
        defocus: blurry -> blur map.
        photos: sharp photographs, (H, W, 3) sRGB in [0, 1].
        crops_per_photo: crops taken from each.
        noise_levels: standard deviation of the noise on blurry crops, in 8-bit steps.
        sigmas_px: the blurs; at least one of them within ``MEAN_RANGE_PX``.
        with_rows: also score every crop by itself, with SSIM and the rest; slower.
        perceptual: LPIPS for those.
    """
    crops = textured_crops(photos, crops_per_photo)
    blurred, rows = [], []
    for psf, sigma_px in itertools.product(PSFS, sigmas_px):
        data = blur_evenly(crops, psf, sigma_px, noise_levels)
        restored, blur_map = restore(deblur, defocus, data.blurry)
        blurred.append(_blurred(data, restored, blur_map, psf, sigma_px))
        if with_rows:
            rows += rows_of("even blur", data, restored, blur_map, psf, perceptual)
    data = blur_evenly(crops, "gaussian", 0.0)
    restored, blur_map = restore(deblur, defocus, data.sharp)
    if with_rows:
        rows += rows_of("sharp", data, restored, blur_map, "none", perceptual)
    psnr = psnr_per_image(restored, data.sharp)
    seen = float(blur_map[texture_mask(data.sharp)].mean()) if has_sigma_map(blur_map) else None
    return PerSigma(tuple(blurred), SharpFigures(float(psnr.mean()), float(psnr.min()), seen), len(crops), tuple(rows))


def _blurred(data: HeldOut, restored: Tensor, blur_map: Tensor, psf: Psf, sigma_px: float) -> BlurFigures:
    before, after = psnr_per_image(data.blurry, data.sharp), psnr_per_image(restored, data.sharp)
    sigma = sigma_scores(blur_map, data.sigma_px, texture_mask(data.sharp)) if has_sigma_map(blur_map) else None
    return BlurFigures(
        psf=psf,
        sigma_px=sigma_px,
        input_psnr_db=float(before.mean()),
        output_psnr_db=float(after.mean()),
        gain_db=float((after - before).mean()),
        worst_gain_db=float((after - before).min()),
        sigma_mae_px=sigma.mae_px if sigma else None,
        sigma_bias_px=sigma.bias_px if sigma else None,
    )


def table_of(figures: PerSigma) -> str:
    """The table as text."""
    low, high = MEAN_RANGE_PX
    rows = [
        (
            row.psf,
            f"{row.sigma_px:.1f}",
            number(row.input_psnr_db),
            number(row.output_psnr_db),
            number(row.gain_db, sign="+"),
            number(row.worst_gain_db, sign="+"),
            number(row.sigma_mae_px),
            number(row.sigma_bias_px, sign="+"),
        )
        for row in figures.blurred
    ]
    headings = ("PSF", "sigma px", "input dB", "output dB", "gain dB", "worst dB", "sigma MAE px", "bias px")
    lines = [
        f"{figures.crops} textured crops, blurred evenly in linear light (sigma error on textured area)",
        text_table(rows, headings),
    ]
    lines += [f"mean gain over {low:g} to {high:g} px, {psf}: {figures.mean_gain_db(psf):+.2f} dB" for psf in PSFS]
    sharp = figures.sharp
    lines.append(
        f"sharp crops against themselves: mean {sharp.mean_psnr_db:.2f} dB, worst {sharp.worst_psnr_db:.2f} dB, "
        f"sigma seen {number(sharp.sigma_mean_px)} px"
    )
    return "\n".join(lines)
