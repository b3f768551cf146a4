from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from export.data.sigma_maps import LARGEST_STEP, SMOOTH, STEP_NORMALS, STEPS, refocusing_map, smooth_maps, step_maps


@pytest.mark.parametrize("side", [64, 192, 256])
def test_maps_are_of_their_size_and_range(side: int) -> None:
    maps = {**smooth_maps(side, 6.0), **step_maps(side, 6.0)}
    assert tuple(maps) == (*SMOOTH, *STEPS, LARGEST_STEP)
    for name, sigma_px in maps.items():
        assert sigma_px.shape == (1, 1, side, side), name
        assert sigma_px.dtype == torch.float32
        assert 0.0 <= float(sigma_px.min()) < float(sigma_px.max()) <= 6.0, name


def test_smooth_maps_are_equally_steep_at_every_size_and_reach_the_largest_sigma() -> None:
    """6 px within 640 are 0.0094 px a pixel, along either axis of the one and downwards in the other."""
    for side in (64, 256):
        diagonal, down = smooth_maps(side, 6.0).values()
        assert differences(diagonal) == (pytest.approx(6.0 / 1280, abs=1e-6), pytest.approx(6.0 / 1280, abs=1e-6))
        assert differences(down) == (0.0, pytest.approx(6.0 / 640, abs=1e-6))
    assert float(down.max()) == pytest.approx(6.0)


def differences(sigma_px: Tensor) -> tuple[float, float]:
    """From the first pixel of the middle to the one at its right, and to the one below."""
    at = sigma_px.shape[3] // 2
    here = sigma_px[0, 0, at, at]
    return float(sigma_px[0, 0, at, at + 1] - here), float(sigma_px[0, 0, at + 1, at] - here)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_rises_in_its_direction(name: str) -> None:
    sigma_px = step_maps(256, 6.0)[name][0, 0]
    assert sorted({round(float(value), 4) for value in sigma_px.unique()}) == [0.6, 2.4]
    gradient = np.array([float((sigma_px[:, -1] - sigma_px[:, 0]).sum()), float((sigma_px[-1] - sigma_px[0]).sum())])
    x, y = STEP_NORMALS[name]
    np.testing.assert_allclose(gradient / np.abs(gradient).max(), np.array([x, y]) / max(abs(x), abs(y)), atol=0.02)


def test_the_few_pixels_of_a_golden_file_lie_at_all_distances_from_an_edge() -> None:
    """With a stride of 11, some within a pixel of every distance up to six on either side."""
    line = np.arange(0, 256, 11) - 127.5
    for x, y in STEP_NORMALS.values():
        distances = (x * line[None] + y * line[:, None]) / np.hypot(x, y)
        assert all(np.abs(distances - wanted).min() < 0.5 for wanted in range(-6, 7)), (x, y)


def test_steps_are_lower_on_a_smaller_tile() -> None:
    assert float(step_maps(64, 6.0)[LARGEST_STEP].max()) == pytest.approx(0.9 * 6.0 / 4.0)
    assert float(step_maps(256, 6.0)[LARGEST_STEP].max()) == pytest.approx(0.9 * 6.0)


def test_a_refocusing_map_is_sharp_in_the_middle_and_stays_in_range() -> None:
    ramp_px = smooth_maps(64, 6.0)["smooth-down"]
    found = refocusing_map(torch.full((1, 1, 64, 64), 2.0), ramp_px, 32.0)
    assert float(found[0, 0, 32, 32]) == 0.0
    gain = 16.0 / float(ramp_px.max())
    expected = gain * float(ramp_px[0, 0, 0, 0] - ramp_px[0, 0, 32, 32])
    assert float(found[0, 0, 0, 0]) == pytest.approx(expected, abs=1e-5)
    assert expected < 0.0 < float(found[0, 0, 63, 63]), "in front, and behind"
    assert float(found.abs().max()) <= 16.0
