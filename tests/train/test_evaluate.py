import dataclasses

import pytest
import torch

from train.evaluate import (
    HeldOut,
    by_blur_level,
    evaluate,
    figures_of,
    held_out_scenes,
    main,
    psnr_per_image,
    rank_correlation,
    texture_mask,
)
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.presets import smoke


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 90.0])) == pytest.approx(1.0)
    assert rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([9.0, 5.0, 1.0])) == pytest.approx(-1.0)
    # Ranks (1.5, 1.5, 3) against (1, 2, 3).
    assert rank_correlation(torch.tensor([1.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])) == pytest.approx(
        0.8660, abs=1e-4
    )
    assert rank_correlation(torch.ones(3), torch.tensor([1.0, 2.0, 3.0])) == 0.0


def test_psnr_by_hand() -> None:
    assert psnr_per_image(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1)).item() == pytest.approx(20.0)


def test_texture_is_found_where_it_is() -> None:
    image = torch.full((1, 3, 32, 96), 0.5)
    image[..., 48:] = (torch.arange(48) % 2).float()
    mask = texture_mask(image)[0, 0]
    assert not mask[:, :30].any()
    assert mask[4:-4, 60:90].all()


def test_a_network_that_returns_its_input_gains_nothing() -> None:
    config = smoke()
    data = held_out_scenes([], dataclasses.replace(config, scenes=dataclasses.replace(config.scenes, size_px=64)), 2)
    networks = config.networks
    figures = evaluate(DeblurNet(networks.deblur, 6.0), DefocusNet(networks.defocus, 6.0), data)
    assert figures.gain_db == pytest.approx(0.0, abs=1e-4)
    assert figures.worst_gain_db == pytest.approx(0.0, abs=1e-4)
    assert figures.input_psnr_db > 10


def two_scenes() -> HeldOut:
    sharp = (torch.arange(32) % 2).float().expand(2, 3, 32, 32) * 0.5
    blurry = sharp + 0.1
    sigma_px = torch.stack([torch.full((1, 32, 32), 0.2), torch.full((1, 32, 32), 2.0)])
    return HeldOut(blurry, sharp, sigma_px)


def test_figures_by_hand() -> None:
    data = two_scenes()
    restored = data.blurry.clone()
    restored[1] = data.sharp[1] + 0.01  # the blurred scene gains 20 dB, the one in focus nothing
    figures = figures_of(restored, data.sigma_px + 0.5, data)
    assert figures.input_psnr_db == pytest.approx(20.0, abs=1e-3)
    assert figures.blurred_gain_db == pytest.approx(20.0, abs=1e-2)
    assert figures.gain_db == pytest.approx(10.0, abs=1e-2)
    assert figures.worst_gain_db == pytest.approx(0.0, abs=1e-3)
    assert figures.sigma_mae_px == pytest.approx(0.5)
    assert figures.sigma_bias_px == pytest.approx(0.5)
    assert figures.sigma_correlation == pytest.approx(1.0)


def test_scenes_are_grouped_by_their_largest_sigma() -> None:
    levels = by_blur_level(two_scenes())
    assert {name: chosen.tolist() for name, chosen in levels.items()} == {
        "0 to 0.5 px": [True, False],
        "1.5 to 3 px": [False, True],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenes", "0"], "--scenes must be at least 1, got 0"),
        (["--checkpoint", "/nowhere.safetensors"], "no checkpoint at /nowhere.safetensors"),
        (["--photos", "/nowhere"], "no folder of photographs at /nowhere"),
        (["--scenes", "1", "--grid", "/nowhere/grid.png"], "cannot write /nowhere/grid.png"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert f"error: {message}" in capsys.readouterr().err
