import math

import pytest
import torch

from train.optics.isotropic_kernels import rings_of
from train.optics.spatially_varying_blur import spatially_varying_blur


def impulse(size: int = 33) -> torch.Tensor:
    image = torch.zeros(1, 1, size, size, dtype=torch.double)
    image[0, 0, size // 2, size // 2] = 1.0
    return image


def constant_sigma(sigma_px: float, size: int = 33) -> torch.Tensor:
    return torch.full((1, 1, size, size), sigma_px, dtype=torch.double)


def second_moment(psf: torch.Tensor) -> float:
    size = psf.shape[-1]
    axis = torch.arange(size, dtype=psf.dtype) - size // 2
    return float((psf[0, 0] * (axis[:, None] ** 2 + axis[None, :] ** 2)).sum() / 2)


@pytest.mark.parametrize("kind", ["gaussian", "disc"])
def test_sigma_zero_leaves_the_image(kind: str) -> None:
    image = torch.rand(1, 3, 9, 9, dtype=torch.double)
    torch.testing.assert_close(spatially_varying_blur(image, constant_sigma(0.0, 9), kind), image)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["gaussian", "disc"])
@pytest.mark.parametrize("sigma_px", [1.0, 2.0, 3.0])
def test_the_psf_has_the_sigma_asked_for(kind: str, sigma_px: float) -> None:
    psf = spatially_varying_blur(impulse(), constant_sigma(sigma_px), kind)  # type: ignore[arg-type]
    assert float(psf.sum()) == pytest.approx(1.0)
    # The disc's soft rim makes it a little wider: 8 % at a sigma of 1 px, less above.
    tolerance = 0.01 if kind == "gaussian" else 0.09 / sigma_px**2
    assert math.sqrt(second_moment(psf)) == pytest.approx(sigma_px, rel=tolerance)


def test_a_gaussian_falls_off_as_it_should() -> None:
    psf = spatially_varying_blur(impulse(), constant_sigma(2.0))[0, 0]
    assert float(psf[16, 18] / psf[16, 16]) == pytest.approx(math.exp(-0.5))
    assert float(psf[18, 18] / psf[16, 16]) == pytest.approx(math.exp(-1.0))


def test_a_disc_is_flat_inside_and_empty_outside() -> None:
    psf = spatially_varying_blur(impulse(), constant_sigma(2.0), "disc")[0, 0]
    assert float(psf[16, 19]) == pytest.approx(float(psf[16, 16]))
    assert float(psf[16, 21]) == 0.0


def test_it_gathers_with_the_sigma_of_the_output_pixel() -> None:
    sigma_px = constant_sigma(0.0)
    sigma_px[..., 17:] = 2.0  # right of the impulse: blurred; left of it: sharp
    out = spatially_varying_blur(impulse(), sigma_px)[0, 0]
    assert float(out[16, 14]) == 0.0
    assert float(out[16, 18]) > 0.01


def test_constant_images_stay_and_float32_agrees_with_float64() -> None:
    generator = torch.Generator().manual_seed(0)
    sigma_px = torch.rand(1, 1, 24, 24, generator=generator) * 4
    flat = torch.full((1, 3, 24, 24), 0.7)
    torch.testing.assert_close(spatially_varying_blur(flat, sigma_px), flat)
    image = torch.rand(1, 3, 24, 24, generator=generator)
    exact = spatially_varying_blur(image.double(), sigma_px.double())
    torch.testing.assert_close(spatially_varying_blur(image, sigma_px).double(), exact, atol=1e-5, rtol=0)


def test_mismatched_and_negative_maps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sigma_px must be \(1, 1, 8, 8\) for this image, got \(1, 1, 8, 9\)"):
        spatially_varying_blur(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 9))
    with pytest.raises(ValueError, match="0 or more, got a minimum of -1"):
        spatially_varying_blur(torch.zeros(1, 3, 8, 8), torch.full((1, 1, 8, 8), -1.0))


def test_rings_are_shared_between_calls() -> None:
    assert rings_of(4) is rings_of(4)
