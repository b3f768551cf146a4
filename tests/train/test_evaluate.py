import csv
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from train.data.textures import dead_leaves
from train.evaluate import HeldOut, by_blur_level, evaluate, figures_of, held_out_scenes, main
from train.evaluation.inference import restore_picture
from train.evaluation.results import rows_of
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.presets import smoke


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


def test_a_row_holds_the_scores_of_its_picture() -> None:
    data = two_scenes()
    first, second = rows_of("scenes", data, restored_scenes(data), data.sigma_px - 0.1)
    assert (first.plain.input.psnr_db, second.plain.output.psnr_db) == pytest.approx((20.0, 40.0), abs=1e-3)
    cells = second.cells()
    assert float(cells["gain_db"]) == pytest.approx(20.0, abs=1e-3)
    assert float(cells["output_mae"]) == pytest.approx(0.01, rel=1e-3)
    assert float(cells["sigma_bias_px"]) == pytest.approx(-0.1, rel=1e-3)
    assert cells["largest_sigma_px"] == "2.000"
    assert cells["input_lpips"] == cells["sigma_rank_correlation"] == "not run"


class Darken(nn.Module):
    """Subtracts the blur map; refuses sizes that are no multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, blur_map: Tensor) -> Tensor:
        assert image.shape[2] % 32 == image.shape[3] % 32 == 0
        return image - blur_map


class Brightness(nn.Module):
    """Says of each pixel half its mean."""

    def forward(self, image: Tensor) -> Tensor:
        return image.mean(1, keepdim=True) / 2


def test_pictures_of_any_size_are_restored_whole() -> None:
    grey = np.repeat(np.random.default_rng(0).random((45, 70, 1), np.float32), 3, axis=2)
    restored, blur_map = restore_picture(Darken(), Brightness(), grey)
    np.testing.assert_allclose(restored, grey / 2, atol=1e-6)
    assert blur_map.shape == (1, 1, 45, 70)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair, the sharp picture two pixels to the side."""
    folder = tmp_path_factory.mktemp("pairs")
    picture = np.round(dead_leaves(202, np.random.default_rng(5)) * 255).astype(np.uint8)
    for name, columns in (("blur", slice(0, 200)), ("gt", slice(2, 202))):
        (folder / name).mkdir()
        Image.fromarray(picture[:180, columns]).save(folder / name / "one.png")
    return folder


def test_pairs_get_a_row_each_and_a_grid(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, grid = tmp_path / "rows.csv", tmp_path / "grid.png"
    assert main(["--data", str(pairs), "--csv", str(rows), "--grid", str(grid)]) == 0
    out = capsys.readouterr().out
    assert "LPIPS not run: ask for it with --lpips" in out
    assert "truth aligned to the input (1 pictures)" in out
    with rows.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "one"
    assert float(row["aligned_input_psnr_db"]) > float(row["input_psnr_db"]) + 6  # two pixels are undone exactly
    assert float(row["shift_median_px"]) < 0.2
    assert row["input_lpips"] == "not run"
    with Image.open(grid) as picture:
        assert picture.width == 4 * 256


def test_scenes_get_a_row_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.csv"
    assert main(["--scenes", "2", "--csv", str(rows)]) == 0
    assert "made worse" in capsys.readouterr().out
    with rows.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["name"] for row in read] == ["0000", "0001"]
    for row in read:
        change = float(row["output_psnr_db"]) - float(row["input_psnr_db"])
        assert float(row["gain_db"]) == pytest.approx(change, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenes", "0"], "--scenes must be at least 1, got 0"),
        (["--noise", "-1"], "--noise must be 0 or more, got -1"),
        (["--checkpoint", "/nowhere.safetensors"], "no checkpoint at /nowhere.safetensors"),
        (["--photos", "/nowhere"], "no folder of photographs at /nowhere"),
        (["--data", "/nowhere"], "no folder of picture pairs at /nowhere"),
        (["--data", "/nowhere", "--per-sigma"], "--data measures a data set's own pairs"),
        (["--plot", "gain.png"], "--plot shows the gain by blur: give --per-sigma too"),
        (["--device", "abacus"], "cannot use the device 'abacus'"),
        (["--scenes", "1", "--grid", "/nowhere/grid.png"], "cannot write /nowhere/grid.png"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert f"error: {message}" in capsys.readouterr().err
