import pytest
import torch

from train.config import LossConfig
from train.data.pool import Batch
from train.losses import charbonnier, masked_mean, reblur_terms, stage_one, stage_two
from train.networks.reblur import ReblurNet
from train.networks.unet import UNetConfig

SMALL = UNetConfig(widths=(8, 16), encoder_blocks=(0,), middle_blocks=1, decoder_blocks=(0,))
CONFIG = LossConfig()


def batch_of(blurry: torch.Tensor, sharp: torch.Tensor, flow_x: float = 0.0) -> Batch:
    flow = torch.zeros(blurry.shape[0], 2, *blurry.shape[2:])
    flow[:, 0] = flow_x
    return Batch(blurry, sharp, flow, -flow)


def test_charbonnier_by_hand() -> None:
    values = charbonnier(torch.tensor([0.0, 3.0]), 4.0)
    assert values.tolist() == [4.0, 5.0]


def test_masked_pixels_count_as_zero() -> None:
    values = torch.tensor([[[[1.0, 3.0]]]])
    assert float(masked_mean(values, torch.tensor([[[[1.0, 0.0]]]]))) == 0.5


def test_stage_one_compares_with_the_sharp_image_moved_onto_the_blurry_one() -> None:
    sharp = torch.rand(1, 3, 16, 16)
    truth = torch.roll(sharp, -1, dims=3)  # truth(p) = sharp(p + 1): the flow from B to G is +1
    aligned, _, mask = stage_one(truth, batch_of(truth, sharp, 1.0), CONFIG)
    unmoved, _, _ = stage_one(truth, batch_of(truth, sharp, 0.0), CONFIG)
    assert float(aligned["deform"]) == pytest.approx(CONFIG.charbonnier_eps, rel=0.1)
    assert float(unmoved["deform"]) > 0.1
    assert not mask[0, 0, :, 15].any()


def test_stage_two_has_both_directions_and_both_pull_on_the_restored_image() -> None:
    torch.manual_seed(0)
    sharp = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8), scale_factor=4, mode="bicubic").clamp(0, 1)
    restored = (sharp * 0.8).requires_grad_()
    terms, _, _ = stage_two(restored, batch_of(sharp, sharp), CONFIG)
    assert set(terms) == {"deform", "deform_back"}
    for term in terms.values():
        (gradient,) = torch.autograd.grad(term, restored, retain_graph=True)
        assert float(gradient.sum()) < 0  # brighter would be better


@pytest.fixture
def parts() -> tuple[ReblurNet, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    network = ReblurNet(SMALL, (1, 2))
    blurry, sharp, restored = (torch.rand(1, 3, 16, 16) for _ in range(3))
    return network, restored.requires_grad_(), sharp, torch.ones(1, 1, 16, 16), blurry


@pytest.mark.parametrize("source", ["warped_sharp", "restored"])
def test_before_stage_two_the_restored_image_feels_nothing_of_the_reblurring(source: str, parts) -> None:  # type: ignore[no-untyped-def]
    network, restored, sharp, mask, blurry = parts
    sigma_px = torch.rand(1, 1, 16, 16, requires_grad=True)
    config = LossConfig(reblur_source=source)  # type: ignore[arg-type]
    terms, _ = reblur_terms(network, restored, sharp, mask, sigma_px, blurry, config, tie_restored=False)
    total = torch.stack(list(terms.values())).sum()
    (gradient,) = torch.autograd.grad(total, restored, allow_unused=True, retain_graph=True)
    assert gradient is None
    (sigma_gradient,) = torch.autograd.grad(total, sigma_px)
    assert float(sigma_gradient.abs().sum()) > 0


@pytest.mark.parametrize("source", ["warped_sharp", "restored"])
def test_in_stage_two_the_reblur_term_reaches_the_restored_image(source: str, parts) -> None:  # type: ignore[no-untyped-def]
    network, restored, sharp, mask, blurry = parts
    config = LossConfig(reblur_source=source)  # type: ignore[arg-type]
    sigma_px = torch.rand(1, 1, 16, 16)
    terms, _ = reblur_terms(network, restored, sharp, mask, sigma_px, blurry, config, tie_restored=True)
    (gradient,) = torch.autograd.grad(terms["reblur"], restored)
    assert float(gradient.abs().sum()) > 0


def test_the_pseudo_supervision_does_not_reach_the_reblurring_module(parts) -> None:  # type: ignore[no-untyped-def]
    network, restored, sharp, mask, blurry = parts
    sigma_px = torch.rand(1, 1, 16, 16, requires_grad=True)
    terms, _ = reblur_terms(network, restored, sharp, mask, sigma_px, blurry, CONFIG, tie_restored=True)
    gradients = torch.autograd.grad(terms["pseudo_sigma"], list(network.parameters()), allow_unused=True)
    assert all(g is None for g in gradients)
