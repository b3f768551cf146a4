from __future__ import annotations

import numpy as np
import pytest
import torch

from export.data.exact_blur import exact_blur, exact_refocus
from export.graphs.refocus import Preview
from train.optics.spatially_varying_blur import spatially_varying_blur


@pytest.mark.parametrize("stride_px", [1, 3])
def test_it_is_the_float_reference_at_few_pixels(stride_px: int) -> None:
    generator = torch.Generator().manual_seed(1)
    light = torch.rand(1, 3, 20, 26, generator=generator, dtype=torch.float64)
    sigma_px = 2.5 * torch.rand(1, 1, 20, 26, generator=generator, dtype=torch.float64)
    sigma_px[..., :4, :4] = 0.0
    radius = 12
    wide_light, wide_sigma = (
        torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), *[(radius, radius)] * 2), "symmetric"))
        for x in (light, sigma_px)
    )
    expected = spatially_varying_blur(wide_light, wide_sigma)[..., radius:-radius, radius:-radius]
    expected = expected[..., ::stride_px, ::stride_px]
    np.testing.assert_allclose(
        exact_blur(light.numpy(), sigma_px.numpy(), stride_px), expected.numpy(), rtol=0.0, atol=1e-14
    )


def test_a_bright_pixel_becomes_a_gaussian() -> None:
    light = np.zeros((1, 1, 33, 33))
    light[0, 0, 16, 16] = 1.0
    blurred = exact_blur(light, np.full((1, 1, 33, 33), 2.0), 1)[0, 0]
    assert blurred[16, 16] == pytest.approx(1.0 / (2.0 * np.pi * 2.0**2), rel=1e-3)
    assert blurred[16, 19] / blurred[16, 16] == pytest.approx(np.exp(-9.0 / 8.0))
    assert blurred.sum() == pytest.approx(1.0)


def test_no_blur_gives_the_picture_back() -> None:
    sharp = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    np.testing.assert_allclose(exact_refocus(sharp, np.zeros((1, 1, 8, 8), np.float32), 1), sharp, atol=1e-7)


def test_refocusing_mixes_light_as_the_graph_does() -> None:
    """Half black, half white under an even blur."""
    sharp = np.zeros((1, 3, 48, 48), np.float32)
    sharp[..., 24:] = 1.0
    target_px = np.full((1, 1, 48, 48), 3.0, np.float32)
    exact = exact_refocus(sharp, target_px, 1)
    assert np.mean(exact[0, 0, 24, 23:25] ** 2) == pytest.approx(0.5, abs=1e-3)
    graph = Preview()(torch.from_numpy(sharp), torch.from_numpy(target_px)).numpy()
    np.testing.assert_allclose(graph**2, exact**2, atol=0.025)
