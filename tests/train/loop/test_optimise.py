import pytest
import torch

from train.loop.optimise import optimise
from train.objective.step import build_networks
from train.presets import smoke


def test_each_network_is_clipped_by_itself() -> None:
    networks = build_networks(smoke())
    big, small = next(networks.deblur.parameters()), next(networks.reblur.parameters())
    optimiser = torch.optim.SGD([big, small], lr=1.0)
    before = small.detach().clone()
    optimise({"big": 1e6 * big.sum(), "small": 1e-4 * small.sum()}, networks, optimiser, clip_norm=1.0)
    torch.testing.assert_close(before - small.detach(), torch.full_like(small, 1e-4), atol=1e-7, rtol=0)


def test_divergence_is_told_with_its_terms() -> None:
    networks = build_networks(smoke())
    parameter = next(networks.deblur.parameters())
    with pytest.raises(FloatingPointError, match=r"training diverged.*deform inf"):
        optimise({"deform": parameter.abs().sum() * float("inf")}, networks, torch.optim.SGD([parameter], lr=1.0), 1.0)
