import dataclasses
import json
import math

import pytest
import torch
from torch import Tensor

from train.evaluation.held_out import HeldOut, held_out_scenes
from train.evaluation.summary import by_blur_level, evaluate, figures_of
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.unet import UNetConfig
from train.presets import smoke


def test_a_network_that_returns_its_input_gains_nothing() -> None:
    config = smoke()
    data = held_out_scenes([], dataclasses.replace(config, scenes=dataclasses.replace(config.scenes, size_px=64)), 2)
    deblur, defocus = config.networks.deblur, config.networks.defocus
    assert isinstance(deblur, UNetConfig)
    assert isinstance(defocus, UNetConfig)
    figures = evaluate(DeblurNet(deblur, 6.0), DefocusNet(defocus, 6.0), data)
    assert figures.gain_db == pytest.approx(0.0, abs=1e-4)
    assert figures.worst_gain_db == pytest.approx(0.0, abs=1e-4)
    assert figures.input_psnr_db > 10


def two_scenes() -> HeldOut:
    sharp = (torch.arange(32) % 2).float().expand(2, 3, 32, 32) * 0.5
    blurry = sharp + 0.1
    sigma_px = torch.stack([torch.full((1, 32, 32), 0.2), torch.full((1, 32, 32), 2.0)])
    return HeldOut(blurry, sharp, sigma_px)


def restored_scenes(data: HeldOut) -> Tensor:
    restored = data.blurry.clone()
    restored[0] = data.sharp[0] + 0.11  # the one in focus loses 20 log10(1.1) = 0.83 dB
    restored[1] = data.sharp[1] + 0.01  # the blurred scene gains 20 dB
    return restored


def test_figures_by_hand() -> None:
    data = two_scenes()
    figures = figures_of(restored_scenes(data), data.sigma_px + 0.5, data)
    assert figures.input_psnr_db == pytest.approx(20.0, abs=1e-3)
    assert figures.blurred_gain_db == pytest.approx(20.0, abs=1e-2)
    assert figures.gain_db == pytest.approx((20.0 - 0.828) / 2, abs=1e-2)
    assert figures.worst_gain_db == pytest.approx(-0.828, abs=1e-3)
    assert figures.worse_share == 0.5
    assert figures.sigma_mae_px == pytest.approx(0.5)
    assert figures.sigma_bias_px == pytest.approx(0.5)
    assert figures.sigma_correlation == pytest.approx(1.0)


def test_kernel_seeds_have_no_sigma_figures() -> None:
    data = two_scenes()
    figures = figures_of(data.blurry, torch.zeros(2, 35, 32, 32), data)
    assert math.isnan(figures.sigma_mae_px)
    assert "sigma not run" in str(figures)
    assert json.loads(json.dumps(figures.to_dict(), allow_nan=False))["sigma_mae_px"] is None


def test_scenes_are_grouped_by_their_largest_sigma() -> None:
    data = two_scenes()
    levels = {name: chosen.tolist() for name, chosen in by_blur_level(data).items()}
    assert levels == {"0 to 0.5 px": [True, False], "1.5 to 3 px": [False, True]}
    strong = HeldOut(data.blurry, data.sharp, data.sigma_px * 10)
    assert by_blur_level(strong)["3 px and up"].tolist() == [False, True]
