"""The paper's networks: U-Net, kernel seeds, channel attention, and how they are put together."""

import pytest
import torch
from torch import nn

from train.networks.build import build_deblur, build_defocus, build_reblur
from train.networks.config import NetworksConfig
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.fusion import ChannelAttention, FusionDeblurNet
from train.networks.paper_unet import PaperUNet, PaperUNetConfig
from train.networks.reblur import PAPER_RADII
from train.networks.restormer import RestormerConfig
from train.networks.seeds import SeedConfig, SeedNet
from train.networks.unet import UNetConfig
from train.presets import mobile

PLAIN = UNetConfig(widths=(8, 16), encoder_blocks=(0,), middle_blocks=1, decoder_blocks=(0,))
TINY_UNET = PaperUNetConfig(widths=(8, 16, 24))
TINY_RESTORMER = RestormerConfig(dim=8, blocks=(1, 1), refinement_blocks=1, heads=(1, 2))
SIGMA = PLAIN
SEEDS = SeedConfig(width=8, blocks=1)


def config(deblur: PaperUNetConfig | RestormerConfig, defocus: UNetConfig | SeedConfig) -> NetworksConfig:
    return NetworksConfig(deblur=deblur, defocus=defocus, reblur=PLAIN, kernel_radii=PAPER_RADII)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def first_conv(part: nn.Module) -> nn.Conv2d:
    return next(module for module in part.modules() if isinstance(module, nn.Conv2d))


def test_unet_widths_and_parameters_by_hand() -> None:
    with torch.device("meta"):
        network = PaperUNet(38, 3, PaperUNetConfig())
    widths = (64, 128, 256, 512, 1024)
    assert [first_conv(e).out_channels for e in (network.stem, *network.encoders)] == list(widths)
    assert [first_conv(d).in_channels for d in network.decoders] == [128, 256, 512, 1024]

    def pair(a: int, b: int) -> int:
        return (9 * a + 1) * b + (9 * b + 1) * b

    down = pair(38, 64) + sum(pair(a, 2 * a) for a in widths[:-1])
    up = sum(4 * 2 * a * a + a + pair(2 * a, a) for a in widths[:-1])
    assert count(network) == down + up + 65 * 3


def test_unet_shapes() -> None:
    network = PaperUNet(5, 3, TINY_UNET)
    shapes = []
    for encoder in network.encoders:
        encoder.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape)))
    with torch.no_grad():
        assert network(torch.rand(1, 5, 12, 20)).shape == (1, 3, 12, 20)
    assert shapes == [(1, 16, 6, 10), (1, 24, 3, 5)]


def test_an_impossible_unet_is_refused() -> None:
    with pytest.raises(ValueError, match="2 or more positive numbers"):
        PaperUNetConfig(widths=(64,))


def test_the_seeds_of_the_paper() -> None:
    published = config(TINY_UNET, SeedConfig())
    network = build_defocus(published)
    assert isinstance(network, SeedNet)
    # stem 3 -> 32, three blocks of two, head 32 -> 35
    assert count(network) == 28 * 32 + 6 * (9 * 32 + 1) * 32 + (9 * 32 + 1) * 35
    assert published.blur_channels == 35
    # seven kernels of width 3 to 15 share the channels 2 + 3 + ... + 8
    sizes = build_reblur(published).kernels.profile_sizes
    assert sizes == (2, 3, 4, 5, 6, 7, 8)
    assert [s.shape[1] for s in network(torch.rand(1, 3, 8, 8)).split(sizes, dim=1)] == list(sizes)


def test_a_seed_sees_17_pixels() -> None:
    torch.manual_seed(0)
    network = SeedNet(SeedConfig(width=8), 35)
    image = torch.rand(1, 3, 1, 33, requires_grad=True)
    network(image)[0, :, 0, 16].sum().backward()
    assert image.grad is not None
    # two 3x3 convolutions at the ends and six between: 8 pixels to each side
    assert image.grad.abs().sum((0, 1, 2)).nonzero().flatten().tolist() == list(range(8, 25))


def test_channel_attention_weighs_each_channel_by_a_factor_below_one() -> None:
    torch.manual_seed(0)
    attention = ChannelAttention(38)
    assert attention.excite[0].out_channels == 9
    x = torch.rand(2, 38, 6, 6) + 0.5
    factor = (attention(x) / x).detach()
    assert 0.0 < float(factor.min()) < float(factor.max()) < 1.0
    torch.testing.assert_close(factor, factor[:, :, :1, :1].expand_as(factor))
    last = attention.excite[2]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    torch.testing.assert_close(attention(x), 0.5 * x)  # sigmoid(0)


@pytest.mark.parametrize("defocus", [SIGMA, SEEDS], ids=["sigma", "seeds"])
@pytest.mark.parametrize("deblur", [TINY_UNET, TINY_RESTORMER], ids=["unet", "restormer"])
def test_every_combination_starts_at_its_input_and_learns(
    deblur: PaperUNetConfig | RestormerConfig, defocus: UNetConfig | SeedConfig
) -> None:
    torch.manual_seed(0)
    whole = config(deblur, defocus)
    network, estimator = build_deblur(whole), build_defocus(whole)
    assert isinstance(network, FusionDeblurNet)
    image = torch.rand(1, 3, 16, 24)
    blur_map = estimator(image)
    assert blur_map.shape == (1, whole.blur_channels, 16, 24)
    restored = network(image, blur_map)
    torch.testing.assert_close(restored, image)
    (head,) = torch.autograd.grad(restored.square().sum(), [network.body.head.weight], retain_graph=True)
    assert float(head.abs().max()) > 0
    nn.init.normal_(network.body.head.weight, std=0.1)
    network(image, blur_map).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in (*network.parameters(), *estimator.parameters()))
    assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in estimator.parameters())


def test_sigma_enters_scaled_and_seeds_as_they_are() -> None:
    assert build_deblur(config(TINY_UNET, SIGMA)).blur_scale == pytest.approx(1 / 6)
    assert build_deblur(config(TINY_UNET, SEEDS)).blur_scale == 1.0


def test_the_plain_networks_are_those_of_the_phone() -> None:
    networks = mobile().networks
    assert isinstance(build_deblur(networks), DeblurNet)
    assert isinstance(build_defocus(networks), DefocusNet)
    assert networks.blur_map == "sigma"
    assert networks.blur_channels == 1


def test_seeds_do_not_fit_the_plain_unet() -> None:
    with pytest.raises(ValueError, match="the plain U-Net deblurs by a sigma map"):
        NetworksConfig(deblur=PLAIN, defocus=SEEDS, reblur=PLAIN, kernel_radii=PAPER_RADII)
