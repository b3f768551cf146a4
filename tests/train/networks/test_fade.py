import dataclasses
import json

import pytest
import torch

from runtime.system.errors import ReblurError
from train.networks.config import networks_from_dict
from train.networks.deblur import DeblurNet, Fade
from train.networks.fade import FadeConfig
from train.networks.unet import UNetConfig
from train.presets import mobile

SMALL = UNetConfig(widths=(8, 16), encoder_blocks=(0,), middle_blocks=1, decoder_blocks=(0,))


def test_the_fade_is_linear_between_its_limits() -> None:
    sigma_px = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.6, 5.0]).view(1, 1, 1, 6)
    strength = Fade(FadeConfig(start_px=0.2, full_px=0.6))(sigma_px)
    torch.testing.assert_close(strength.flatten(), torch.tensor([0.0, 0.0, 0.25, 0.5, 1.0, 1.0]))


def test_a_window_averages_the_map_and_ends_at_the_border() -> None:
    fade = Fade(FadeConfig(start_px=0.0, full_px=1.0, window_cells=3))
    everywhere = torch.full((1, 1, 16, 24), 0.5)
    torch.testing.assert_close(fade(everywhere), everywhere)
    one_cell = torch.zeros(1, 1, 16, 24)
    one_cell[..., 4:8, 8:12] = 0.9  # a ninth of each window that holds it, a sixth where one row is cut off
    strength = fade(one_cell)
    torch.testing.assert_close(strength[..., 4:12, 4:16], torch.full((1, 1, 8, 12), 0.1))
    torch.testing.assert_close(strength[..., :4, 4:16], torch.full((1, 1, 4, 12), 0.15))
    assert not strength[..., 12:, :].any()
    assert not strength[..., :4].any()


def test_the_residual_is_faded_in_use_and_whole_in_training() -> None:
    torch.manual_seed(0)
    network = DeblurNet(SMALL, 6.0, FadeConfig(start_px=0.2, full_px=0.6))
    torch.nn.init.normal_(network.unet.head.weight)
    image, sharp_px, slight_px = torch.rand(1, 3, 8, 8), torch.full((1, 1, 8, 8), 0.2), torch.full((1, 1, 8, 8), 0.4)
    torch.testing.assert_close(network(image, sharp_px), image)
    assert float((network(image, sharp_px, faded=False) - image).detach().abs().mean()) > 0.01
    whole = network(image, slight_px, faded=False) - image
    torch.testing.assert_close(network(image, slight_px) - image, 0.5 * whole)


def test_the_fade_survives_json_and_may_be_missing_there() -> None:
    networks = dataclasses.replace(mobile().networks, fade=FadeConfig(start_px=0.1, full_px=0.4, window_cells=5))
    description = json.loads(json.dumps(dataclasses.asdict(networks)))
    assert networks_from_dict(description) == networks
    del description["fade"]
    assert networks_from_dict(description).fade == FadeConfig()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start_px": 0.9}, "start_px < full_px, got 0.9 and 0.85"),
        ({"window_cells": 4}, "0 or odd, got 4"),
        ({"window_cells": -1}, "0 or odd, got -1"),
    ],
)
def test_an_impossible_fade_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ReblurError, match=message):
        FadeConfig(**change)  # type: ignore[arg-type]
