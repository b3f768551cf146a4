import math

import pytest
import torch

from train.data.psf import (
    PSF_KINDS,
    ApertureShape,
    PsfKind,
    aperture,
    blur_circular,
    kernel_sigma_px,
    psf_kernels,
    reach_px,
)

REACH = 24


def kernel(kind: PsfKind, sigma_px: float, **shape: float) -> torch.Tensor:
    made = aperture([ApertureShape(kind, **shape)])  # type: ignore[arg-type]
    return psf_kernels(torch.tensor([sigma_px]), made, REACH)[0]


def test_sigma_of_a_hand_made_kernel() -> None:
    plus = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])[None] / 5
    assert float(kernel_sigma_px(plus)) ** 2 == pytest.approx(0.4)


@pytest.mark.parametrize("kind", PSF_KINDS)
def test_kernels_are_normalised_and_as_wide_as_asked(kind: PsfKind) -> None:
    for sigma_px in (0.1, 0.3, 0.5, 0.7, 1.0, 2.5, 6.0):
        made = kernel(kind, sigma_px)
        assert float(made.sum()) == pytest.approx(1.0, abs=1e-5)
        assert float(made.min()) >= 0
        assert float(kernel_sigma_px(made[None])) == pytest.approx(sigma_px, rel=0.04)


def test_without_blur_the_kernel_is_the_identity() -> None:
    identity = torch.zeros(2 * REACH + 1, 2 * REACH + 1)
    identity[REACH, REACH] = 1
    for kind in PSF_KINDS:
        torch.testing.assert_close(kernel(kind, 0.0), identity)


def test_a_disc_has_a_radius_of_two_sigmas() -> None:
    row = kernel("disc", 4.0)[REACH]
    inside = row > row.max() / 2
    assert int(inside.sum()) == 2 * 8 - 1  # the rim, at 8 px, is half covered
    assert float(row[inside].max() / row[inside].min()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("blades", [5, 6, 8])
def test_a_polygon_has_the_second_moment_of_its_formula(blades: int) -> None:
    """Drawn by hand: inside n half planes of a regular polygon of the circumradius that belongs to sigma = 5."""
    sigma_px = 5.0
    circumradius = sigma_px / math.sqrt((2 + math.cos(2 * math.pi / blades)) / 12)
    y, x = torch.meshgrid(*[torch.arange(-REACH, REACH + 0.01, 0.25)] * 2, indexing="ij")
    angles = [2 * math.pi * k / blades for k in range(blades)]
    apothem = circumradius * math.cos(math.pi / blades)
    inside = torch.stack([math.cos(a) * x + math.sin(a) * y <= apothem for a in angles]).all(0)
    assert math.sqrt(float((x * x + y * y)[inside].mean()) / 2) == pytest.approx(sigma_px, rel=0.01)
    made = kernel("polygon", sigma_px, blades=blades)
    covered = made > made.max() / 2
    expected = inside[::4, ::4]
    assert float((covered == expected).float().mean()) > 0.99


def test_a_polygon_shifts_nothing_and_turns() -> None:
    offsets = torch.arange(-REACH, REACH + 1.0)
    upright = kernel("polygon", 4.0, blades=5)
    assert float((upright.sum(0) * offsets).sum()) == pytest.approx(0.0, abs=0.02)
    turned = kernel("polygon", 4.0, blades=5, rotation_rad=math.pi)
    torch.testing.assert_close(turned, upright.flip(0, 1), atol=2e-5, rtol=0)
    assert float((turned - upright).abs().max()) > 1e-3


def test_round_blades_are_a_disc() -> None:
    torch.testing.assert_close(kernel("polygon", 3.0, roundness=1.0), kernel("disc", 3.0))


def test_unknown_apertures_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one of disc, polygon, gaussian"):
        aperture([ApertureShape("square")])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="5 to 8 blades, got 4"):
        aperture([ApertureShape("polygon", blades=4)])


def test_blurring_a_point_shows_the_kernel() -> None:
    image = torch.zeros(1, 1, 64, 64)
    image[0, 0, 30, 33] = 1.0
    made = kernel("polygon", 2.0, blades=5)
    blurred = blur_circular(image, made[None])[0, 0]
    torch.testing.assert_close(blurred[30 - REACH : 31 + REACH, 33 - REACH : 34 + REACH], made, atol=1e-6, rtol=0)


def test_nothing_wraps_around_further_than_the_reach() -> None:
    sigma_px = 3.0
    image = torch.zeros(1, 1, 96, 96)
    image[..., 0] = 1.0
    made = psf_kernels(torch.tensor([sigma_px]), aperture([ApertureShape("gaussian")]), reach_px(sigma_px))
    blurred = blur_circular(image, made)
    assert float(blurred[..., 90].max()) > 0.01  # a convolution of a periodic picture
    assert float(blurred[..., 13:84].abs().max()) < 1e-6
