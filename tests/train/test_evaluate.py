import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.data.textures import dead_leaves
from train.evaluate import main

pytestmark = pytest.mark.slow


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
    assert main(["--pairs", str(pairs), "--csv", str(rows), "--grid", str(grid)]) == 0
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


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenes", "2", "--json", "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["checkpoint"].endswith("mobile.safetensors")
    assert [(row["dataset"], row["name"]) for row in document["rows"]] == [("scenes", "0000"), ("scenes", "0001")]
    assert document["rows"][0]["plain"]["output"]["lpips"] is None
    assert document["rows"][0]["plain"]["output"]["psnr_db"] > 10
    assert "layered scenes" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenes", "0"], "--scenes: expected a whole number of 1 or more, got '0'"),
        (["--noise", "-1"], "--noise: expected a number of 0 to 255, got '-1'"),
        (["--checkpoint", "/nowhere.safetensors"], "no checkpoint at /nowhere.safetensors"),
        (["--photos", "/nowhere"], "--photos: no folder /nowhere"),
        (["--pairs", "/nowhere"], "--pairs: no folder /nowhere"),
        (["--data", "/nowhere"], "--data is now --pairs"),
        (["--pairs", "/", "--per-sigma"], "--pairs measures a data set's own pairs"),
        (["--plot", "gain.png"], "--plot shows the gain by blur: give --per-sigma too"),
        (["--device", "abacus"], "--device: invalid choice: 'abacus'"),
        (["--scenes", "1", "--grid", "/nowhere/grid.png"], "cannot write /nowhere/grid.png"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert f"error: {message}" in capsys.readouterr().err
