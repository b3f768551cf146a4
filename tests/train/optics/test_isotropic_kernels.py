import pytest
import torch

from train.optics.isotropic_kernels import apply_isotropic, rings_of, variance_of


def uniform_taps(radius: int, size: int) -> torch.Tensor:
    rings = rings_of(radius)
    return torch.full((1, len(rings), size, size), 1.0 / sum(rings.counts))


def test_the_disc_of_radius_one_is_a_plus() -> None:
    rings = rings_of(1)
    assert rings.squared_radii == (0, 1)
    assert rings.counts == (1, 4)
    assert set(rings.offsets[1]) == {(-1, 0), (1, 0), (0, -1), (0, 1)}


@pytest.mark.parametrize(("radius", "taps"), [(0, 1), (1, 5), (2, 13), (7, 149), (12, 441)])
def test_number_of_taps(radius: int, taps: int) -> None:
    assert sum(rings_of(radius).counts) == taps


def test_a_kernel_of_radius_12_is_59_numbers() -> None:
    assert len(rings_of(12)) == 59


def test_a_plus_kernel_on_a_single_bright_pixel() -> None:
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1.0
    out = apply_isotropic(image, uniform_taps(1, 5), radius=1)
    expected = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]) / 5
    torch.testing.assert_close(out[0, 0], expected)


def test_each_pixel_is_gathered_with_its_own_kernel() -> None:
    image = torch.arange(5.0).view(1, 1, 1, 5).expand(1, 1, 5, 5)
    weights = torch.zeros(1, 2, 5, 5)
    weights[:, 0] = 1.0  # the identity everywhere ...
    weights[:, :, 2, 4] = 0.2  # ... but for one pixel at the right edge: (4 + 4 + 4 + 3 + replicated 4) / 5
    out = apply_isotropic(image, weights, radius=1)
    assert out[0, 0, 2, 4] == pytest.approx(3.8)
    torch.testing.assert_close(out[0, 0, :2], image[0, 0, :2])


def test_variance_of_a_plus_is_two_fifths() -> None:
    # sum k |d|^2 / 2 = 4 taps * 1/5 * 1 / 2.
    assert float(variance_of(uniform_taps(1, 1), 1)) == pytest.approx(0.4)


def test_a_uniform_disc_has_sigma_of_about_half_its_radius() -> None:
    assert float(variance_of(uniform_taps(12, 1), 12)) ** 0.5 == pytest.approx(6.0, abs=0.1)


def test_gradients_match_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 2, 5, 6, dtype=torch.double, generator=generator, requires_grad=True)
    weights = torch.rand(1, len(rings_of(2)), 5, 6, dtype=torch.double, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: apply_isotropic(x, w, 2), (image, weights))


def test_a_wrong_number_of_rings_is_refused() -> None:
    with pytest.raises(ValueError, match="radius 2 has 4 rings, got weights for 2"):
        apply_isotropic(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4), radius=2)
