from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from train.data.photos import Picture
from train.evaluation.lpips_score import Perceptual, load_perceptual
from train.evaluation.metrics import psnr_per_image, rank_correlation, score, sigma_scores, texture_mask


def picture(seed: int = 0, side: int = 24) -> Picture:
    return np.random.default_rng(seed).random((side, side, 3), np.float32)


def test_scores_by_hand() -> None:
    dark = np.zeros((16, 16, 3), np.float32)
    scores = score(dark, dark + np.float32(0.1))
    assert scores.psnr_db == pytest.approx(20.0, abs=1e-4)
    assert scores.mae == pytest.approx(0.1)
    # Two flat pictures: SSIM is its luminance term alone, C1 / (0.1^2 + C1).
    assert scores.ssim == pytest.approx(1e-4 / (1e-2 + 1e-4), rel=1e-3)
    assert scores.lpips is None


def test_equal_pictures_score_the_best_there_is() -> None:
    scores = score(picture(), picture())
    assert (scores.psnr_db, scores.ssim, scores.mae) == pytest.approx((120.0, 1.0, 0.0))


def test_only_the_mask_counts() -> None:
    truth = np.full((24, 24, 3), 0.5, np.float32)
    spoilt = truth.copy()
    spoilt[:, 12:] += 0.4
    left = np.zeros((24, 24), bool)
    left[:, :12] = True
    scores = score(spoilt, truth, mask=left)
    assert (scores.psnr_db, scores.mae) == (120.0, 0.0)
    assert score(spoilt, truth, mask=~left).mae == pytest.approx(0.4)
    far = np.zeros_like(left)
    far[:, :6] = True  # more than a window's radius from what is spoilt
    assert score(spoilt, truth, mask=far).ssim == pytest.approx(1.0)


def test_shapes_must_agree_and_something_must_count() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(24, 24, 3\) and \(16, 16, 3\)"):
        score(picture(), picture(side=16))
    with pytest.raises(ValueError, match="the mask leaves nothing"):
        score(picture(), picture(), mask=np.zeros((24, 24), bool))


class MeanDifference(nn.Module):
    """Has LPIPS's interface: a number, or a map when ``spatial``."""

    spatial = False

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        difference = (a - b).abs().mean(1, keepdim=True)
        return difference if self.spatial else difference.mean((2, 3), keepdim=True)


def test_lpips_is_given_pictures_from_minus_one_to_one_and_follows_the_mask() -> None:
    measure = Perceptual(MeanDifference())
    dark, half = np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.float32)
    half[:, 4:] = 0.5
    assert measure(dark, half) == pytest.approx(0.5)
    assert measure(dark, half, half[..., 0] > 0) == pytest.approx(1.0)


def test_without_weights_lpips_says_why_and_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=f"no AlexNet weights at {tmp_path}/checkpoints/alexnet-owt-7be5be79.pth"):
        load_perceptual()
    assert list(tmp_path.iterdir()) == []


def test_sigma_scores_by_hand() -> None:
    true = torch.tensor([1.0, 2.0, 3.0, 9.0])
    found = torch.tensor([1.5, 2.5, 2.5, 0.0])
    textured = torch.tensor([True, True, True, False])
    scores = sigma_scores(found, true, textured)
    assert scores is not None
    assert scores.mae_px == pytest.approx(0.5)
    assert scores.bias_px == pytest.approx(0.5 / 3)
    assert scores.rank_correlation == pytest.approx(0.8660, abs=1e-4)
    assert sigma_scores(found, true, torch.zeros(4, dtype=torch.bool)) is None


def test_an_even_blur_has_no_rank_correlation() -> None:
    scores = sigma_scores(torch.tensor([1.0, 3.0]), torch.full((2,), 2.0), torch.ones(2, dtype=torch.bool))
    assert scores is not None
    assert (scores.mae_px, scores.bias_px, scores.rank_correlation) == (1.0, 0.0, None)


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 90.0])) == pytest.approx(1.0)
    assert rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([9.0, 5.0, 1.0])) == pytest.approx(-1.0)
    # Ranks (1.5, 1.5, 3) against (1, 2, 3).
    assert rank_correlation(torch.tensor([1.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])) == pytest.approx(
        0.8660, abs=1e-4
    )
    assert rank_correlation(torch.ones(3), torch.tensor([1.0, 2.0, 3.0])) == 0.0


def test_psnr_by_hand() -> None:
    assert psnr_per_image(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1)).item() == pytest.approx(20.0)


def test_texture_is_found_where_it_is() -> None:
    image = torch.full((1, 3, 32, 96), 0.5)
    image[..., 48:] = (torch.arange(48) % 2).float()
    mask = texture_mask(image)[0, 0]
    assert not mask[:, :30].any()
    assert mask[4:-4, 60:90].all()
