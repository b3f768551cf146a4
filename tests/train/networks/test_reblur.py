import math

import pytest
import torch

from train.networks.reblur import PAPER_RADII, IsotropicKernels, ReblurNet
from train.networks.unet import UNetConfig
from train.optics.isotropic_kernels import apply_isotropic, rings_of, variance_of

SMALL = UNetConfig(widths=(8, 16), encoder_blocks=(0,), middle_blocks=1, decoder_blocks=(0,))


def mixture(kernels: IsotropicKernels, chosen: int) -> torch.Tensor:
    weights = torch.zeros(1, len(kernels.radii) + 1, 1, 1)
    weights[:, chosen] = 1.0
    return weights


def profiles(kernels: IsotropicKernels, value: float = 0.0) -> torch.Tensor:
    return torch.full((1, sum(kernels.profile_sizes), 1, 1), value)


def test_the_papers_profiles_are_2_to_8_values() -> None:
    kernels = IsotropicKernels(PAPER_RADII)
    assert kernels.profile_sizes == (2, 3, 4, 5, 6, 7, 8)
    assert sum(kernels.profile_sizes) == 35


def test_the_identity_kernel() -> None:
    kernels = IsotropicKernels((1, 2))
    taps = kernels(profiles(kernels), mixture(kernels, 0))
    assert taps.flatten().tolist() == [1.0, 0.0, 0.0, 0.0]
    assert float(variance_of(taps, 2)) == 0.0


def test_a_zero_profile_is_a_uniform_disc() -> None:
    kernels = IsotropicKernels((1, 2))
    taps = kernels(profiles(kernels), mixture(kernels, 1))
    torch.testing.assert_close(taps.flatten(), torch.tensor([0.2, 0.2, 0.0, 0.0]))
    assert float(variance_of(taps, 2)) == pytest.approx(0.4)


def test_a_hand_computed_profile() -> None:
    kernels = IsotropicKernels((2,))
    # Values 3, 1, 0 at distances 0, 1, 2; rings at 0, 1, sqrt 2, 2 with 1, 4, 4, 4 taps. The sign is dropped.
    profile = torch.tensor([3.0, -1.0, 0.0]).view(1, 3, 1, 1)
    taps = kernels(profile, mixture(kernels, 1)).flatten()
    logits = [3.0, 1.0, 1.0 - (math.sqrt(2) - 1.0), 0.0]
    mass = [n * math.exp(v) for n, v in zip((1, 4, 4, 4), logits, strict=True)]
    expected = torch.tensor([math.exp(v) / sum(mass) for v in logits])
    torch.testing.assert_close(taps, expected)


def test_mixed_variances_are_the_weighted_mean() -> None:
    kernels = IsotropicKernels((1, 3))
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(1, sum(kernels.profile_sizes), 1, 1, generator=generator)
    single = [float(variance_of(kernels(random, mixture(kernels, i)), 3)) for i in range(3)]
    weights = torch.tensor([0.5, 0.2, 0.3]).view(1, 3, 1, 1)
    mixed = float(variance_of(kernels(random, weights), 3))
    assert mixed == pytest.approx(0.5 * 0.0 + 0.2 * single[1] + 0.3 * single[2], rel=1e-5)


def test_random_kernels_sum_to_one_and_agree_in_sigma() -> None:
    torch.manual_seed(0)
    network = ReblurNet(SMALL, (1, 2, 4))
    sharp, blurry = torch.rand(2, 3, 16, 24), torch.rand(2, 3, 16, 24)
    said = network(sharp, blurry)
    counts = torch.tensor(rings_of(4).counts).view(1, -1, 1, 1)
    torch.testing.assert_close((said.tap_weights * counts).sum(1), torch.ones(2, 16, 24))
    torch.testing.assert_close(said.sigma_px**2, variance_of(said.tap_weights, 4) + 1e-4)
    assert said.identity_share.shape == (2, 1, 16, 24)


def test_no_kernel_of_the_module_can_undo_a_shift() -> None:
    """Why the reblur loss ties the result to its input: a shifted image cannot be reblurred onto it."""
    generator = torch.Generator().manual_seed(0)
    image = torch.nn.functional.interpolate(
        torch.rand(1, 1, 12, 12, generator=generator), scale_factor=4, mode="bicubic"
    )
    shifted = torch.roll(image, 1, dims=3)
    kernels = IsotropicKernels((1, 2, 3))
    profile = torch.zeros(1, sum(kernels.profile_sizes), 1, 1, requires_grad=True)
    logits = torch.zeros(1, 4, 1, 1, requires_grad=True)
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))

    def best_error(source: torch.Tensor) -> float:
        optimiser = torch.optim.Adam([profile, logits], lr=0.1)
        for _ in range(150):
            taps = kernels(profile, torch.softmax(logits, 1)).expand(-1, -1, 48, 48)
            error = ((apply_isotropic(source, taps, 3) - image)[inner] ** 2).mean()
            optimiser.zero_grad()
            error.backward()
            optimiser.step()
        return float(error.detach())

    aligned, misaligned = best_error(image), best_error(shifted)
    untouched = float(((shifted - image)[inner] ** 2).mean())
    assert aligned < 0.02 * misaligned
    assert misaligned > 0.8 * untouched


@pytest.mark.parametrize("radii", [(), (0, 1), (2, 1), (1, 1)])
def test_impossible_radii_are_refused(radii: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="distinct, ascending and at least 1"):
        IsotropicKernels(radii)
