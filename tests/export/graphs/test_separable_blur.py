"""The deployable blur against the exact one, in float64; ``pytest -s`` prints the figures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from export.data import sigma_maps
from export.data.exact_blur import exact_refocus
from export.data.pictures import CHECK_PICTURES, load_picture
from export.graphs.separable_blur import SIGMA_MIN_PX, Refocus, SeparableBlur
from runtime.metrics import psnr_db
from train.optics.spatially_varying_blur import spatially_varying_blur

SIGMA_MAX_PX = 4.0
SIZE_PX = 256
STRIDE_PX = 5


def picture() -> Tensor:
    """The face, at the photograph's own resolution, (1, 3, 256, 256)."""
    return load_picture("astronaut", 512, 512)[:, :, :SIZE_PX, 96 : 96 + SIZE_PX].double()


def axes() -> tuple[Tensor, Tensor]:
    """Column and row position in [0, 1], each (1, 1, H, W)."""
    line = torch.linspace(0.0, 1.0, SIZE_PX, dtype=torch.float64)
    return line.view(1, 1, 1, -1).expand(1, 1, SIZE_PX, SIZE_PX), line.view(1, 1, -1, 1).expand(1, 1, SIZE_PX, SIZE_PX)


def smooth_maps() -> dict[str, Tensor]:
    """Up to a sigma of 3 over 256 pixels: as steep as 0 to 6 over the whole of a 512x512 picture."""
    x, y = axes()
    return {
        "left-right": 3.0 * x,
        "top-bottom": 3.0 * y,
        "diagonal": 3.0 * (x + y) / 2.0,
        "waves": 3.0 * (0.5 + 0.4 * torch.sin(3.0 * x) * torch.cos(2.0 * y)),
    }


def step_maps() -> dict[str, Tensor]:
    x, y = axes()
    sides = {
        "left-right": x > 0.5,
        "top-bottom": y > 0.5,
        "falling diagonal": x > y,
        "rising diagonal": x + y > 1.0,
        "steep": 2.0 * x + y > 1.5,
        "slanted": x + 2.0 * y > 1.5,
    }
    return {name: torch.where(side, 3.0, 0.5).double() for name, side in sides.items()}


def psnr_against_exact_db(sigma_px: Tensor) -> float:
    image = picture()
    fast = SeparableBlur(SIGMA_MAX_PX)(image, sigma_px)
    exact = spatially_varying_blur(image, sigma_px.clamp(SIGMA_MIN_PX, SIGMA_MAX_PX))
    return float(-10.0 * torch.log10(((fast - exact) ** 2).mean()))


@pytest.mark.parametrize("name", sorted(smooth_maps()))
def test_smooth_maps_follow_the_exact_blur_to_70_db(name: str) -> None:
    value_db = psnr_against_exact_db(smooth_maps()[name])
    print(f"\nsmooth, {name}: {value_db:.1f} dB")
    assert value_db >= 70.0


@pytest.mark.parametrize("name", sorted(step_maps()))
def test_steps_follow_the_exact_blur_to_50_db(name: str) -> None:
    value_db = psnr_against_exact_db(step_maps()[name])
    print(f"\nstep, {name}: {value_db:.1f} dB")
    assert value_db >= 50.0


@pytest.mark.parametrize("name", CHECK_PICTURES)
def test_other_photographs_follow_the_exact_blur_nearly_as_far_in_light(name: str) -> None:
    """The maps that the gates ask one photograph for. In sRGB dark places are magnified."""
    sharp = load_picture(name, SIZE_PX, SIZE_PX)
    gate_maps = {**sigma_maps.smooth_maps(SIZE_PX, 6.0), **sigma_maps.step_maps(SIZE_PX, 6.0)}
    least_db = {**dict.fromkeys(sigma_maps.SMOOTH, 69.0), sigma_maps.LARGEST_STEP: 46.0}
    for case, sigma_px in gate_maps.items():
        exact = exact_refocus(sharp.numpy(), sigma_px.numpy(), STRIDE_PX)
        answer = Refocus(6.0)(sharp, sigma_px).numpy()[..., ::STRIDE_PX, ::STRIDE_PX]
        srgb_db, light_db = psnr_db(answer, exact), psnr_db(answer**2, exact**2)
        print(f"\n{name}, {case}: {srgb_db:.1f} dB, in light {light_db:.1f} dB")
        assert light_db >= least_db.get(case, 52.0)


@pytest.mark.parametrize("sigma_px", [0.5, 1.0, 2.5, 4.0])
def test_a_constant_sigma_is_the_gaussian(sigma_px: float) -> None:
    """What is left is the tail cut at 3 sigma (at 4 in the reference): 0.3 % of the mass."""
    value_db = psnr_against_exact_db(torch.full((1, 1, SIZE_PX, SIZE_PX), sigma_px, dtype=torch.float64))
    print(f"\nconstant, sigma {sigma_px}: {value_db:.1f} dB")
    assert value_db >= 70.0


def test_a_single_bright_pixel_becomes_the_product_of_two_gaussians() -> None:
    image = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    image[0, 0, 20, 20] = 1.0
    blurred = SeparableBlur(SIGMA_MAX_PX)(image, torch.full_like(image, 2.0))
    taps = torch.exp(-(torch.arange(-12, 13, dtype=torch.float64) ** 2) / (2.0 * 2.0**2))
    expected = torch.outer(taps, taps) / taps.sum() ** 2
    torch.testing.assert_close(blurred[0, 0, 8:33, 8:33], expected, atol=1e-12, rtol=0.0)
    assert float(blurred.sum()) == pytest.approx(1.0)


def test_a_constant_picture_is_unchanged_under_any_map() -> None:
    image = torch.full((1, 3, SIZE_PX, SIZE_PX), 0.3, dtype=torch.float64)
    for sigma_px in (*smooth_maps().values(), *step_maps().values()):
        torch.testing.assert_close(SeparableBlur(SIGMA_MAX_PX)(image, sigma_px), image, atol=1e-12, rtol=0.0)


def test_the_smallest_sigma_leaves_the_picture_as_it_is() -> None:
    """A neighbour's weight is exp(-1 / (2 * 0.3^2)) = 0.0039 of the centre's, over two axes."""
    image = picture()
    blurred = SeparableBlur(SIGMA_MAX_PX)(image, torch.zeros(1, 1, SIZE_PX, SIZE_PX, dtype=torch.float64))
    value_db = float(-10.0 * torch.log10(((blurred - image) ** 2).mean()))
    print(f"\nsigma 0: {value_db:.1f} dB from the picture, largest change {float((blurred - image).abs().max()):.4f}")
    assert value_db >= 55.0
    assert float((blurred - image).abs().max()) <= 4 * 0.0039


def test_refocusing_mixes_light_not_code_values() -> None:
    """Half black, half white, far from the edge of the picture: sqrt(0.5) = 0.707 on the border, not 0.5."""
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = 1.0
    blurred = Refocus(SIGMA_MAX_PX)(image, torch.full((1, 1, 64, 64), 4.0))
    border = blurred[0, 0, 32, 31:33].square().mean().sqrt()
    assert float(border) == pytest.approx(0.7071, abs=1e-3)


def test_sigma_beyond_the_largest_counts_as_the_largest() -> None:
    image = picture()
    maps = [torch.full((1, 1, SIZE_PX, SIZE_PX), value, dtype=torch.float64) for value in (SIGMA_MAX_PX, 50.0)]
    first, second = (SeparableBlur(SIGMA_MAX_PX)(image, sigma_px) for sigma_px in maps)
    torch.testing.assert_close(first, second, atol=0.0, rtol=0.0)
