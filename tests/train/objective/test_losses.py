import pytest
import torch
import torch.nn.functional as F

from train.config import LossConfig
from train.data.pair_pool import Batch
from train.networks.reblur import ReblurNet
from train.networks.unet import UNetConfig
from train.objective.losses import (
    SMALLEST_LOGIT,
    charbonnier,
    low_logits,
    masked_mean,
    reblur_error,
    reblur_picture,
    sigma_error,
    triplet_maker,
    two_way_terms,
)

SMALL = UNetConfig(widths=(8, 16), encoder_blocks=(0,), middle_blocks=1, decoder_blocks=(0,))
CONFIG = LossConfig(deform="two_way", alignment="flow", triplet_share=0.0)


def batch_of(blurry: torch.Tensor, sharp: torch.Tensor) -> Batch:
    flow, one = torch.zeros(len(blurry), 2, *blurry.shape[2:]), torch.ones(len(blurry), 1, *blurry.shape[2:])
    return Batch(blurry, sharp, flow, flow, sharp, one, torch.zeros_like(sharp), 0 * one, torch.zeros(len(blurry)))


def smooth(seed: int, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, size // 4, size // 4, generator=generator)
    return F.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)


def test_charbonnier_by_hand() -> None:
    values = charbonnier(torch.tensor([0.0, 3.0]), 4.0)
    assert values.tolist() == [4.0, 5.0]


def test_masked_pixels_count_as_zero() -> None:
    values = torch.tensor([[[[1.0, 3.0]]]])
    assert float(masked_mean(values, torch.tensor([[[[1.0, 0.0]]]]))) == 0.5


def test_two_ways_both_pull_on_the_restored_image() -> None:
    sharp = smooth(0)
    restored = (sharp * 0.8).requires_grad_()
    terms = two_way_terms(restored, batch_of(sharp, sharp), CONFIG)
    assert set(terms) == {"deform", "deform_back"}
    for term in terms.values():
        (gradient,) = torch.autograd.grad(term, restored, retain_graph=True)
        assert float(gradient.sum()) < 0  # brighter would be better


def test_two_ways_forgive_a_shift_that_flow_can_follow() -> None:
    sharp = smooth(1, 64)
    shifted = torch.roll(sharp, 2, dims=3)
    terms = two_way_terms(shifted, batch_of(sharp, sharp), CONFIG)
    assert float(terms["deform"]) < 0.5 * float(charbonnier(shifted - sharp, 1e-3).mean())


@pytest.fixture
def network() -> ReblurNet:
    torch.manual_seed(0)
    return ReblurNet(SMALL, (1, 2, 3))


def blur_taps(network: ReblurNet, size: int) -> torch.Tensor:
    """The same uniform disc of radius 2 at every pixel: 13 taps in the first five rings (0, 1, sqrt 2, 2)."""
    rings = network.kernels.ring_counts.shape[1]
    taps = torch.zeros(1, rings, size, size)
    taps[:, :4] = 1.0 / 13.0
    return taps


def test_the_reblur_loss_refuses_a_shift_of_one_pixel(network: ReblurNet) -> None:
    """Isotropic kernels cannot shift: no kernel makes the shifted picture fit as well as the aligned one."""
    sharp = smooth(2, 48)
    taps = blur_taps(network, 48)
    blurry = reblur_picture(network, sharp, taps)
    inner = (..., slice(8, -8), slice(8, -8))

    def least_loss(candidate: torch.Tensor) -> float:
        """The best over every mixture of the identity and discs of radius 1, 2 and 3."""
        losses = []
        for radius, (rings, count) in {0: (1, 1), 1: (2, 5), 2: (4, 13), 3: (7, 29)}.items():
            for share in (0.25, 0.5, 0.75, 1.0):
                kernel = torch.zeros_like(taps)
                kernel[:, :rings] = share / count
                kernel[:, 0] += 1.0 - share
                assert radius == 0 or torch.allclose(
                    (kernel * network.kernels.ring_counts).sum(1), torch.ones(1, 48, 48), atol=1e-5
                )
                losses.append(float(reblur_error(network, candidate, kernel, blurry, 1e-3)[inner].mean()))
        return min(losses)

    aligned, shifted = least_loss(sharp), least_loss(torch.roll(sharp, 1, dims=3))
    assert aligned == pytest.approx(1e-3, rel=0.01)
    assert shifted > 5 * aligned


def test_the_gradient_of_the_reblur_loss_moves_a_shifted_picture_back(network: ReblurNet) -> None:
    sharp = smooth(3, 48)
    taps = blur_taps(network, 48)
    blurry = reblur_picture(network, sharp, taps)
    restored = torch.roll(sharp, 1, dims=3).requires_grad_()
    (gradient,) = torch.autograd.grad(reblur_error(network, restored, taps, blurry, 1e-3).mean(), restored)
    towards_truth = sharp - restored.detach()
    assert float((-gradient * towards_truth).sum()) > 0


def test_a_triplet_is_the_moved_sharp_picture_under_the_modules_own_kernels(network: ReblurNet) -> None:
    sharp, blurry = smooth(4), smooth(5)
    made, sigma_px = triplet_maker(network)(sharp, blurry)
    found = network(sharp, blurry)
    torch.testing.assert_close(sigma_px, found.sigma_px)
    torch.testing.assert_close(made, reblur_picture(network, sharp, found.tap_weights))
    assert not made.requires_grad
    assert not sigma_px.requires_grad


def test_errors_of_sigma_count_in_octaves() -> None:
    """From 0.3 to 0.9 px as from 1.2 to 2.7 px and from 0 to 0.3 px: one octave, above 0.3 px more."""
    found, wanted = torch.tensor([0.9, 2.7, 0.3]), torch.tensor([0.3, 1.2, 0.0])
    torch.testing.assert_close(sigma_error(found, wanted, 0.0), torch.ones(3), atol=1e-5, rtol=0)


def test_low_logits_count_only_what_lies_below_the_smallest() -> None:
    logits = torch.tensor([3.0, SMALLEST_LOGIT, SMALLEST_LOGIT - 0.5, SMALLEST_LOGIT - 20.0])
    found = [float(low_logits(8.0 * torch.sigmoid(logit).view(1, 1, 1, 1), 8.0)) for logit in logits]
    assert found == pytest.approx([0.0, 0.0, 0.125, 19.5], abs=0.01)


def test_low_logits_pull_however_far_they_are() -> None:
    logit = torch.tensor([[[[-60.0]]]], requires_grad=True)
    low_logits(8.0 * torch.sigmoid(logit), 8.0).backward()
    assert logit.grad is not None
    assert float(logit.grad) == pytest.approx(-1.0, rel=1e-3)
