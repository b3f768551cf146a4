"""The shipped networks stay within the compute a phone has; the counts are exact."""

import pytest
import torch
from torch import Tensor, nn

from train.networks.build import build_deblur, build_defocus
from train.networks.unet import UNet, UNetConfig
from train.presets import mobile, teacher

PIXELS = 256 * 256


def macs_per_pixel(network: nn.Module, *inputs: Tensor) -> float:
    total = 0

    def count(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        taps = module.kernel_size[0] * module.kernel_size[1]
        if isinstance(module, nn.ConvTranspose2d):
            total += arguments[0].numel() * module.out_channels * taps
        else:
            total += output.numel() * module.in_channels * taps

    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [m.register_forward_hook(count) for m in convs]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return total / PIXELS


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_a_hand_counted_unet() -> None:
    net = UNet(4, 3, UNetConfig(widths=(8, 16), encoder_blocks=(1,), middle_blocks=1, decoder_blocks=(0,)))
    # stem 36*4*8/4, block 9*64/4, down 9*8*16/16, block 9*256/16, up 16*8*4/16, head 8*3*4/4
    assert macs_per_pixel(net, torch.zeros(1, 4, 256, 256)) == 288 + 144 + 72 + 144 + 32 + 24


def test_deblur_budget() -> None:
    network = build_deblur(mobile().networks)
    gmac_per_megapixel = macs_per_pixel(network, torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)) / 1e3
    print(f"deblur: {gmac_per_megapixel:.2f} GMAC per megapixel, {parameters(network) / 1e6:.3f} M parameters")
    assert gmac_per_megapixel <= 12.0
    assert parameters(network) <= 1_200_000


def test_defocus_budget() -> None:
    network = build_defocus(mobile().networks)
    gmac_per_megapixel = macs_per_pixel(network, torch.zeros(1, 3, 256, 256)) / 1e3
    print(f"defocus: {gmac_per_megapixel:.2f} GMAC per megapixel, {parameters(network) / 1e6:.3f} M parameters")
    assert gmac_per_megapixel <= 3.0
    assert parameters(network) <= 400_000


def test_the_teacher_is_5_to_8_times_the_student() -> None:
    image, sigma_px = torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    large, small = (build_deblur(preset().networks) for preset in (teacher, mobile))
    gmac_per_megapixel = macs_per_pixel(large, image, sigma_px) / 1e3
    print(f"teacher: {gmac_per_megapixel:.2f} GMAC per megapixel, {parameters(large) / 1e6:.3f} M parameters")
    assert 5.0 < gmac_per_megapixel * 1e3 / macs_per_pixel(small, image, sigma_px) < 8.0


def test_an_untrained_deblurrer_returns_its_input() -> None:
    network = build_deblur(mobile().networks)
    image = torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(network(image, torch.rand(1, 1, 32, 48)), image)


def test_the_sigma_map_is_bounded_whatever_the_input() -> None:
    networks = mobile().networks
    sigma_px = build_defocus(networks)(torch.randn(1, 3, 32, 48) * 100)
    assert sigma_px.shape == (1, 1, 32, 48)
    assert float(sigma_px.detach().min()) >= 0.0
    assert float(sigma_px.detach().max()) <= networks.sigma_max_px


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": (8,)}, "at least 2 levels"),
        ({"encoder_blocks": (1, 1)}, "need 1 entries for 2 widths"),
        ({"widths": (8, 12)}, "multiples of 8"),
    ],
)
def test_impossible_unets_are_refused(change: dict[str, tuple[int, ...]], message: str) -> None:
    good = {"widths": (8, 16), "encoder_blocks": (1,), "middle_blocks": 1, "decoder_blocks": (1,)}
    with pytest.raises(ValueError, match=message):
        UNetConfig(**(good | change))  # type: ignore[arg-type]
