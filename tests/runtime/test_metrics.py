from __future__ import annotations

import math

import numpy as np
import pytest

from runtime.metrics import mae, psnr_db, ssim

RNG = np.random.default_rng(0)


def test_a_constant_difference_gives_hand_numbers() -> None:
    a, b = np.full((16, 16, 3), 0.5), np.full((16, 16, 3), 0.6)
    assert mae(a, b) == pytest.approx(0.1)
    assert psnr_db(a, b) == pytest.approx(20.0)  # 10 log10(1 / 0.01)
    # No variance and no covariance: only the luminance term (2 m n + C1) / (m^2 + n^2 + C1) is left.
    assert ssim(a, b) == pytest.approx((2 * 0.3 + 1e-4) / (0.25 + 0.36 + 1e-4))


def test_equal_pictures() -> None:
    a = RNG.random((16, 20, 3)).astype(np.float32)
    assert mae(a, a) == 0.0
    assert psnr_db(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1.0)


def test_ssim_of_opposite_noise_is_negative() -> None:
    a = RNG.random((32, 32))
    assert ssim(a, 1.0 - a) < -0.5


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_ssim_agrees_with_scikit_image(shape: tuple[int, ...]) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    a = RNG.random(shape)
    b = np.clip(a + RNG.normal(0, 0.1, shape), 0, 1)
    expected = metrics.structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2 if len(shape) == 3 else None,
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", [mae, psnr_db, ssim])
def test_shapes_must_agree(metric) -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(12, 12\) and \(12, 13\)"):
        metric(np.zeros((12, 12)), np.zeros((12, 13)))


def test_ssim_needs_a_whole_window() -> None:
    with pytest.raises(ValueError, match="at least 11 px a side, got 20x10"):
        ssim(np.zeros((10, 20)), np.zeros((10, 20)))
