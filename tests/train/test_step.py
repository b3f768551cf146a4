import dataclasses

import pytest
import torch

from train.config import RunConfig
from train.data.pool import Batch
from train.presets import smoke
from train.step import build_networks, compute_losses, in_stage_one, optimise, prior_ramp


@pytest.fixture
def config() -> RunConfig:
    return dataclasses.replace(smoke(), fit=dataclasses.replace(smoke().fit, steps=100, stage_one_share=0.4))


def batch() -> Batch:
    torch.manual_seed(0)
    blurry, sharp = torch.rand(2, 1, 3, 32, 32)
    return Batch(blurry, sharp, torch.zeros(1, 2, 32, 32), torch.zeros(1, 2, 32, 32))


def test_stage_one_ends_where_the_share_says(config: RunConfig) -> None:
    assert [in_stage_one(step, config) for step in (0, 39, 40, 99)] == [True, True, False, False]


def test_the_prior_is_ramped_up_over_stage_one(config: RunConfig) -> None:
    assert prior_ramp(0, config) == pytest.approx(1 / 40)
    assert prior_ramp(19, config) == pytest.approx(0.5)
    assert prior_ramp(39, config) == prior_ramp(99, config) == 1.0


@pytest.mark.parametrize("step", [0, 50])
def test_the_estimator_learns_from_the_reblurring_module_alone(config: RunConfig, step: int) -> None:
    networks = build_networks(config)
    torch.nn.init.normal_(networks.deblur.unet.head.weight, std=0.1)
    terms = compute_losses(networks, batch(), step, config).terms
    own = list(networks.defocus.parameters())
    without = torch.stack([value for name, value in terms.items() if name != "pseudo_sigma"]).sum()
    assert all(g is None for g in torch.autograd.grad(without, own, allow_unused=True, retain_graph=True))
    assert any(float(g.abs().sum()) > 0 for g in torch.autograd.grad(terms["pseudo_sigma"], own))


def test_each_network_is_clipped_by_itself(config: RunConfig) -> None:
    networks = build_networks(config)
    big, small = next(networks.deblur.parameters()), next(networks.reblur.parameters())
    optimiser = torch.optim.SGD([big, small], lr=1.0)
    before = small.detach().clone()
    optimise({"big": 1e6 * big.sum(), "small": 1e-4 * small.sum()}, networks, optimiser, clip_norm=1.0)
    torch.testing.assert_close(before - small.detach(), torch.full_like(small, 1e-4), atol=1e-7, rtol=0)


def test_divergence_is_told_with_its_terms(config: RunConfig) -> None:
    networks = build_networks(config)
    parameter = next(networks.deblur.parameters())
    with pytest.raises(FloatingPointError, match=r"training diverged.*deform inf"):
        optimise({"deform": parameter.abs().sum() * float("inf")}, networks, torch.optim.SGD([parameter], lr=1.0), 1.0)
