"""The deployable gather against the exact one; ``pytest -s`` prints the figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from export.data.exact_blur import exact_blur
from export.data.layered_scenes import gaussian_blur
from export.data.pictures import load_picture
from export.graphs.multiscale_blur import (
    SIGMA_MAX_PX,
    FallingRamp,
    FixedGaussian,
    MultiscaleBlur,
    complement,
    gaussian_taps,
    levels_of,
    sampled_variance,
    with_edges,
)

HEIGHT, WIDTH = 256, 320
STRIDE_PX = 5


def light() -> Tensor:
    """The face, at the photograph's own resolution, (1, 3, HEIGHT, WIDTH)."""
    return load_picture("astronaut", 512, 512)[:, :, :HEIGHT, 64 : 64 + WIDTH].double() ** 2


def psnr_db(first: Tensor, second: Tensor) -> float:
    return float(-10.0 * torch.log10(((first - second) ** 2).mean()))


@pytest.mark.parametrize("sigma_px", [0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 3.0, 4.5, 6.0, 9.0, 13.0, 18.0, 25.0, 32.0])
def test_one_sigma_is_its_gaussian(sigma_px: float) -> None:
    """At least 45 dB from 0.3 to 32 px, edges of the picture included."""
    answer = MultiscaleBlur().double()(light(), torch.full((1, 1, HEIGHT, WIDTH), sigma_px, dtype=torch.float64))
    exact = gaussian_blur(light(), sigma_px)
    value_db = psnr_db(answer, exact)
    print(f"\nsigma {sigma_px}: {value_db:.1f} dB")
    assert value_db >= 45.0


@pytest.mark.parametrize("sigma_px", [0.5, 0.75, 0.9, 1.1, 1.3, 1.6, 1.9, 2.2, 3.0, 3.4, 3.8, 4.5, 6.4, 7.6])
def test_a_hard_edge_is_that_of_its_gaussian(sigma_px: float) -> None:
    """Within 0.05 of full light, also where three taps stand for it (0.75 px) and where two Gaussians are mixed."""
    edge = torch.zeros(1, 3, 64, 64, dtype=torch.float64)
    edge[..., 32:] = 1.0
    answer = MultiscaleBlur().double()(edge, torch.full((1, 1, 64, 64), sigma_px, dtype=torch.float64))
    error = float((answer - gaussian_blur(edge, sigma_px)).abs().max())
    print(f"\nsigma {sigma_px}: {error:.3f} of full light")
    assert error <= 0.05


def maps() -> dict[str, tuple[Tensor, float]]:
    """Name -> (1, 1, H, W) sigma, and what it must reach."""
    x = torch.linspace(0.0, 1.0, WIDTH, dtype=torch.float64).view(1, 1, 1, -1).expand(1, 1, HEIGHT, WIDTH)
    y = torch.linspace(0.0, 1.0, HEIGHT, dtype=torch.float64).view(1, 1, -1, 1).expand(1, 1, HEIGHT, WIDTH)
    waves = 0.5 + 0.4 * torch.sin(3.0 * x) * torch.cos(2.0 * y)
    smooth = {"across": 16.0 * x, "down": 16.0 * y, "diagonal": 8.0 * (x + y), "waves": 8.0 * waves}
    sides = {"across": x > 0.5, "down": y > 0.5, "falling": x > y, "slanted": x + 2.0 * y > 1.5}
    steps = {
        f"step {name} {low:g} to {high:g}": torch.where(side, high, low).double()
        for name, side in sides.items()
        for low, high in ((0.3, 3.0), (0.3, 20.0), (3.0, 12.0), (0.3, 32.0))
    }
    least = dict.fromkeys(smooth, 45.0) | dict.fromkeys(steps, 40.0) | {"step across 0.3 to 32": 37.0}
    return {name: (value, least[name]) for name, value in {**smooth, **steps}.items()}


@pytest.mark.parametrize("name", sorted(maps()))
def test_maps_follow_the_exact_gather(name: str) -> None:
    """45 dB where sigma varies smoothly, 40 dB across any step but the largest, along columns, which has 38."""
    sigma_px, least_db = maps()[name]
    answer = MultiscaleBlur().double()(light(), sigma_px)[..., ::STRIDE_PX, ::STRIDE_PX]
    exact = torch.from_numpy(exact_blur(light().numpy(), sigma_px.numpy(), STRIDE_PX))
    value_db = psnr_db(answer, exact)
    print(f"\n{name}: {value_db:.1f} dB")
    assert value_db >= least_db


def test_a_constant_picture_is_unchanged_under_any_map() -> None:
    flat = torch.full((1, 3, 64, 96), 0.3, dtype=torch.float64)
    sigma_px = SIGMA_MAX_PX * torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(MultiscaleBlur().double()(flat, sigma_px), flat, atol=1e-6, rtol=0.0)


def test_the_smallest_sigma_leaves_the_picture_as_it_is() -> None:
    for sigma_px in (0.0, 0.3):
        answer = MultiscaleBlur().double()(light(), torch.full((1, 1, HEIGHT, WIDTH), sigma_px, dtype=torch.float64))
        torch.testing.assert_close(answer, light(), atol=1e-6, rtol=0.0)


def test_taps_have_the_variance_asked_for() -> None:
    for variance, radius in ((0.2, 1), (0.65, 2), (0.9, 3), (9.0, 8)):
        taps = gaussian_taps(variance, radius).double()
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
        assert float(taps.sum()) == pytest.approx(1.0, abs=1e-6)
        assert float((taps * offsets**2).sum()) == pytest.approx(variance, rel=1e-3)
        assert torch.equal(taps, taps.flip(0))


def test_at_whole_pixels_a_narrow_gaussian_is_narrower_than_its_sigma_says() -> None:
    assert sampled_variance(0.3) == pytest.approx(0.0077, abs=1e-4)
    assert sampled_variance(2.0) == pytest.approx(4.0, rel=1e-3)


def test_channels_are_blurred_each_by_itself() -> None:
    x = torch.zeros(1, 3, 9, 9)
    x[0, 1, 4, 4] = 1.0
    for radius in (1, 3):
        answer = FixedGaussian(0.4, radius, 3)(x)
        assert float(answer[0, 1].sum()) == pytest.approx(1.0)
        assert float(answer[0, 0].abs().sum() + answer[0, 2].abs().sum()) == 0.0


def test_a_ramp_falls_from_one_to_zero_between_its_ends() -> None:
    x = torch.tensor([-1.0, 0.2, 0.45, 0.7, 5.0]).view(1, 1, 1, 5)
    found = FallingRamp(0.2, 0.7, (0, 0), 1)(x)
    torch.testing.assert_close(found[0, 1, 0], torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]), atol=1e-6, rtol=0.0)
    torch.testing.assert_close(complement(found)[0, 0, 0], torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))


@pytest.mark.parametrize("margin", [1, 2, 5, 8])
@pytest.mark.parametrize("dim", [2, 3])
def test_edges_are_mirrored(margin: int, dim: int) -> None:
    x = torch.rand(1, 2, 6, 7)
    widths = [(margin,) * 2 if axis == dim else (0, 0) for axis in range(4)]
    np.testing.assert_array_equal(with_edges(x, margin, dim).numpy(), np.pad(x.numpy(), widths, "symmetric"))


@pytest.mark.parametrize("radius", [1, 2, 8])
def test_a_flat_picture_stays_flat_at_its_edges_where_these_are_mirrored(radius: int) -> None:
    flat = torch.full((1, 2, 12, 16), 0.3)
    torch.testing.assert_close(FixedGaussian(0.4, radius, 2)(flat), flat)
    assert float(FixedGaussian(0.4, radius, 2, mirrored=False)(flat)[0, 0, 0, 0]) < 0.25


def test_a_picture_is_halved_as_often_as_its_sides_allow() -> None:
    assert [levels_of(torch.zeros(1, 1, *size)) for size in ((64, 96), (48, 64), (1024, 768))] == [5, 4, 5]
    with pytest.raises(ValueError, match="must be even, got 5 and 8"):
        levels_of(torch.zeros(1, 1, 5, 8))
