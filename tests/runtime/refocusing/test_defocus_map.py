from __future__ import annotations

import numpy as np
import pytest

from runtime.refocusing.defocus_map import (
    CONFIDENCE_FLOOR,
    REDUCTION,
    block_mean,
    box_mean,
    enlarged,
    smooth_defocus,
    texture_confidence,
)

RNG = np.random.default_rng(0)


def grey(luma: np.ndarray) -> np.ndarray:
    return np.repeat(luma[..., None], 3, axis=2).astype(np.float32)


def test_box_mean_is_cut_off_at_the_border() -> None:
    row = np.array([[1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_allclose(box_mean(row, 1), [[1.5, 2.0, 3.0, 3.5]])
    np.testing.assert_allclose(box_mean(row.T, 1), [[1.5], [2.0], [3.0], [3.5]])


def test_blocks_are_means_and_come_back_as_a_slope() -> None:
    slope = np.arange(42, dtype=np.float32)[None].repeat(10, axis=0)
    blocks = block_mean(slope)
    assert blocks.shape == (3, 11)
    np.testing.assert_allclose(blocks[0, :2], [1.5, 5.5])
    again = enlarged(blocks, slope.shape)
    assert again.shape == slope.shape
    np.testing.assert_allclose(again[:, 2:36], slope[:, 2:36], atol=1e-4)


def test_noise_goes_and_the_step_at_an_edge_stays() -> None:
    luma = np.zeros((160, 160), np.float32)
    luma[:, 80:] = 0.8
    luma += RNG.normal(0, 0.05, luma.shape).astype(np.float32)
    step = np.where(np.arange(160) < 80, 1.0, 3.0)[None].repeat(160, 0)
    noisy = (step + RNG.normal(0, 0.5, step.shape)).astype(np.float32)
    smooth, _ = smooth_defocus(noisy, grey(np.clip(luma, 0, 1)), 6.0)
    assert np.abs(smooth - step).mean() < 0.3 * np.abs(noisy - step).mean()
    assert smooth[:, 84].mean() - smooth[:, 75].mean() > 1.4


def test_a_flat_wall_takes_its_depth_from_what_surrounds_it() -> None:
    """In the middle of it the estimate is noise about another value: the frame decides."""
    luma = np.full((256, 256), 0.6, np.float32)
    textured = np.ones_like(luma, bool)
    textured[84:172, 84:172] = False
    luma[textured] = RNG.random(int(textured.sum()), np.float32)
    sigma = np.where(textured, 2.0, 0.3).astype(np.float32)
    smooth, confidence = smooth_defocus(sigma, grey(luma), 6.0)
    assert confidence[32, 32] == pytest.approx(CONFIDENCE_FLOOR)
    assert smooth[128, 128] > 1.5
    assert smooth[110:146, 110:146].std() < 0.15


def test_confidence_is_high_on_texture_and_low_on_flat_places() -> None:
    picture = np.full((40, 80), 0.5, np.float32)
    picture[:, 40:] = RNG.random((40, 40))
    confidence = texture_confidence(picture)
    assert confidence.shape == (40 // REDUCTION, 80 // REDUCTION)
    assert np.allclose(confidence[:, :9], CONFIDENCE_FLOOR)
    assert confidence[:, 11:].min() > 0.8


def test_a_flat_region_is_calmed() -> None:
    noisy = (2.0 + RNG.normal(0, 0.5, (80, 80))).astype(np.float32)
    smooth, _ = smooth_defocus(noisy, np.full((80, 80, 3), 0.5, np.float32), 6.0)
    assert smooth.std() < 0.2 * noisy.std()
    assert smooth.mean() == pytest.approx(2.0, abs=0.05)
