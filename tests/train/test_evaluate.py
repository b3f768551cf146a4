import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.data.textures import dead_leaves
from train.evaluate import main


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
