"""What a restored picture and a sigma map are worth: PSNR, SSIM, mean error, LPIPS; sigma errors in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.errors import ReblurError
from train.data.photos import Picture
from train.evaluation.lpips_score import Perceptual

TEXTURE_THRESHOLD = 0.02
"""Local mean absolute deviation (sRGB units) above which blur can be told from a flat surface."""
PSNR_CEILING_DB = 120.0
"""PSNR of equal pictures, so that means stay finite."""
SSIM_BORDER_PX = 5
"""Windows that reach over the border do not count; the window is 11 x 11."""

Mask = NDArray[np.bool_]
"""(H, W), True where a pixel counts."""


@dataclass(frozen=True)
class Scores:
    """How alike a picture is to the ground truth."""

    psnr_db: float
    ssim: float
    mae: float
    """Mean absolute error in sRGB units, [0, 1]."""
    lpips: float | None
    """None where it was not run."""


@dataclass(frozen=True)
class SigmaScores:
    """How a sigma map follows the true one, on textured area."""

    mae_px: float
    bias_px: float
    rank_correlation: float | None
    """Spearman's; None where the true sigma is the same everywhere."""


def score(picture: Picture, truth: Picture, perceptual: Perceptual | None = None, mask: Mask | None = None) -> Scores:
    """All scores of one picture.

    Args:
        picture: (H, W, 3), sRGB in [0, 1], at least 11 px a side.
        truth: the ground truth, same shape.
        perceptual: what computes LPIPS; None leaves it out.
        mask: (H, W), the pixels that count; None: all of them.

    Raises:
        ReblurError: the shapes differ, or no pixel counts.
    """
    from skimage.metrics import structural_similarity

    if picture.shape != truth.shape:
        raise ReblurError(f"pictures to compare must have one shape, got {picture.shape} and {truth.shape}")
    counts = np.ones(picture.shape[:2], bool) if mask is None else mask
    border = np.zeros_like(counts)
    border[SSIM_BORDER_PX:-SSIM_BORDER_PX, SSIM_BORDER_PX:-SSIM_BORDER_PX] = True
    if not (counts & border).any():
        raise ReblurError("no pixel to compare: the mask leaves nothing of the picture")
    difference = (picture.astype(np.float64) - truth)[counts]
    square = max(float((difference**2).mean()), 10 ** (-PSNR_CEILING_DB / 10))
    _, similarity = structural_similarity(
        picture.astype(np.float64),
        truth.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2,
        full=True,
    )
    return Scores(
        psnr_db=-10.0 * float(np.log10(square)),
        ssim=float(similarity[counts & border].mean()),
        mae=float(np.abs(difference).mean()),
        lpips=None if perceptual is None else perceptual(picture, truth, mask),
    )


def sigma_scores(sigma_px: Tensor, true_sigma_px: Tensor, textured: Tensor) -> SigmaScores | None:
    """Errors of sigma maps; all three of one shape, ``textured`` bool. None where there is no texture at all."""
    if not textured.any():
        return None
    true, found = true_sigma_px[textured], sigma_px[textured]
    error = found - true
    return SigmaScores(
        mae_px=float(error.abs().mean()),
        bias_px=float(error.mean()),
        rank_correlation=rank_correlation(true, found) if bool((true != true[0]).any()) else None,
    )


def psnr_per_image(a: Tensor, b: Tensor) -> Tensor:
    """(N,) PSNR in dB of pictures (N, 3, H, W) in [0, 1]."""
    return -10 * torch.log10(((a - b) ** 2).mean((1, 2, 3)).clamp(min=10 ** (-PSNR_CEILING_DB / 10)))


def texture_mask(sharp: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H, W) bool, where the sharp image has texture."""
    grey = sharp.mean(1, keepdim=True)
    detail = (grey - F.avg_pool2d(grey, 7, 1, 3, count_include_pad=False)).abs()
    return F.avg_pool2d(detail, 9, 1, 4, count_include_pad=False) > TEXTURE_THRESHOLD


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two vectors; ties share their average rank. 0 where one of them never changes."""
    from scipy.stats import spearmanr

    first, second = a.double().numpy(), b.double().numpy()
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)
