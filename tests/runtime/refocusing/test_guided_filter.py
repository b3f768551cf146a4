from __future__ import annotations

import numpy as np

from runtime.refocusing.guided_filter import CONFIDENCE_FLOOR, box_mean, guided_filter, texture_confidence

RNG = np.random.default_rng(0)


def test_box_mean_is_cut_off_at_the_border() -> None:
    row = np.array([[1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_allclose(box_mean(row, 1), [[1.5, 2.0, 3.0, 3.5]])
    np.testing.assert_allclose(box_mean(row.T, 1), [[1.5], [2.0], [3.0], [3.5]])


def test_a_line_in_the_guide_is_left_alone() -> None:
    guide = RNG.random((40, 50), np.float32)
    values = np.float32(2.0) * guide + np.float32(1.0)
    smooth = guided_filter(values, guide, np.ones_like(guide), 5, 1e-9)
    np.testing.assert_allclose(smooth, values, atol=1e-4)


def test_noise_goes_and_the_step_at_an_edge_stays() -> None:
    guide = np.zeros((60, 60), np.float32)
    guide[:, 30:] = 0.8
    step = np.where(guide > 0, 3.0, 1.0)
    noisy = (step + RNG.normal(0, 0.5, step.shape)).astype(np.float32)
    smooth = guided_filter(noisy, guide, np.ones_like(guide), 6, 1e-3)
    assert np.abs(smooth - step).mean() < 0.25 * np.abs(noisy - step).mean()
    assert smooth[:, 31].mean() - smooth[:, 28].mean() > 1.8  # a box mean of this radius leaves about 0.5


def test_values_that_are_not_trusted_take_those_of_their_neighbours() -> None:
    guide = np.full((40, 40), 0.5, np.float32)
    values = np.where(np.arange(40) < 20, 1.0, 5.0)[None].repeat(40, 0).astype(np.float32)
    weights = np.where(values == 1.0, 1.0, 1e-3).astype(np.float32)
    smooth = guided_filter(values, guide, weights, 8, 1e-2)
    assert smooth[20, 22] < 1.2  # next to trusted values
    assert smooth[20, 39] > 4.5  # far from any: its own kind decides


def test_confidence_is_high_on_texture_and_low_on_flat_places() -> None:
    picture = np.full((40, 80), 0.5, np.float32)
    picture[:, 40:] = RNG.random((40, 40))
    confidence = texture_confidence(picture)
    assert np.allclose(confidence[:, :35], CONFIDENCE_FLOOR)
    assert confidence[:, 45:].min() > 0.8
