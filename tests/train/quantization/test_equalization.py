from __future__ import annotations

import pytest
import torch

from train.networks.unet import UNet, UNetConfig
from train.quantization.equalization import equalise_stem, rescale_finest

CONFIG = UNetConfig(widths=(8, 16), encoder_blocks=(1,), middle_blocks=1, decoder_blocks=(1,))


@pytest.fixture
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(3, 1, CONFIG).requires_grad_(False)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def peaks(unet: UNet, image: torch.Tensor) -> torch.Tensor:
    return unet.stem(image).abs().amax((0, 2, 3))


def test_rescaling_does_not_change_what_is_computed(unet: UNet, image: torch.Tensor) -> None:
    before, stem = unet(image), unet.stem(image)
    scale = torch.tensor([0.25, 0.5, 1.0, 2.0, 4.0, 3.0, 1.5, 0.75])
    rescale_finest(unet, scale)
    torch.testing.assert_close(unet.stem(image), stem * scale[None, :, None, None])
    torch.testing.assert_close(unet(image), before, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("power", "expected"), [(0.0, [1.0, 4.0, 16.0]), (0.5, [2.0, 4.0, 8.0]), (1.0, [4.0] * 3)])
def test_channels_come_closer_in_size(unet: UNet, image: torch.Tensor, power: float, expected: list[float]) -> None:
    """Peaks of 1, 4 and 16 are drawn together around their geometric mean, here of all eight channels: 4."""
    wanted = torch.tensor([1.0, 4.0, 16.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    rescale_finest(unet, wanted / peaks(unet, image))
    equalise_stem(unet, unet, [(image[:1],), (image[1:],)], power)
    assert peaks(unet, image)[:3].tolist() == pytest.approx(expected, rel=1e-3)


def test_a_dead_channel_does_no_harm(unet: UNet, image: torch.Tensor) -> None:
    assert unet.stem.bias is not None
    unet.stem.weight[2] = 0.0
    unet.stem.bias[2] = 0.0
    before = unet(image)
    equalise_stem(unet, unet, [(image,)])
    torch.testing.assert_close(unet(image), before, atol=1e-5, rtol=1e-4)
