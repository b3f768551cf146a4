from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime import backends, refocus
from runtime.manifest.records import Artifact
from runtime.photos.photo import read_photo
from runtime.system.progress import ProgressLine
from tests.runtime.photos.test_depth import gdepth

ROOT = Path(__file__).parents[2]


class FakeRunner:
    """Sigma off the red channel, the picture as it is, and the target sigma in blue."""

    def __init__(self, artifact: Artifact, *_: object) -> None:
        self.artifact = artifact

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        name = self.artifact.outputs[0].name
        if name == "sigma_px":
            return {name: inputs["image"][:, :1] * 6.0}
        if name == "sharp":
            return {name: inputs["image"]}
        return {name: np.concatenate([inputs["sharp"][:, :2], np.abs(inputs["target_sigma_px"]) / 6.0], axis=1)}


@pytest.fixture
def fake_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.OPENERS, "tflite", FakeRunner)


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    """80 x 60: left half sharp, right half 3 px."""
    picture = np.full((60, 80, 3), 100, np.uint8)
    picture[..., 0], picture[..., 2] = 0, 20
    picture[:, 40:, 0] = 128
    Image.fromarray(picture).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def command(photo: Path, artifacts: Path, /, **changes: str) -> list[str]:
    usual = {"artifacts": str(artifacts), "focus": "0.2,0.5", "aperture": "2", "out": str(photo.parent / "out.png")}
    options = {**usual, **changes}
    flags = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", value)]
    return [str(photo), *flags]


@pytest.mark.usefixtures("fake_backend")
def test_a_photograph_is_refocused(photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = photo_path.parent / "maps"
    argv = command(photo_path, manifest_dir, aperture="1", long_side="56", save_maps=str(maps), threads="1")
    assert refocus.main(argv) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert "out.png, 56x42 px of 80x60, focus 0.20,0.50, tflite fp32, by estimated blur: analysis " in printed.out
    assert "1000 is 1 px" in printed.out
    assert printed.err == ""  # no progress line where there is no terminal
    result = read_photo(photo_path.parent / "out.png").rgb
    assert result.shape == (42, 56, 3)
    assert result[20, 8, 2] == pytest.approx(20 / 255, abs=0.01), "in focus"
    assert 2.0 < result[20, 48, 2] * 6.0 <= 6.0 * 32 / 56, "up to 2 x 3 px, at the size that fits the graph"
    assert read_photo(maps / "sigma.png").rgb[20, 48, 0] * 65.535 == pytest.approx(3.0, abs=0.05)
    assert read_photo(maps / "sigma_colour.png").size_px == (42, 56)
    assert read_photo(maps / "sharp.png").rgb[20, 48, 1] == pytest.approx(100 / 255, abs=0.01)


@pytest.mark.usefixtures("fake_backend")
def test_json_is_one_document(photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refocus.main([*command(photo_path, manifest_dir, long_side="56"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["out"] == str(photo_path.parent / "out.png")
    assert (document["size_px"], document["photo_size_px"]) == ([42, 56], [60, 80])
    assert (document["backend"], document["precision"], document["maps"]) == ("tflite", "fp32", None)


@pytest.mark.usefixtures("fake_backend")
def test_a_disparity_map_replaces_the_estimate(photo_path: Path, manifest_dir: Path) -> None:
    disparity = np.full((120, 160), 255, np.uint8)  # any size of the same proportions
    disparity[:60] = 128  # the upper half is further away
    Image.fromarray(disparity).save(photo_path.parent / "near.png")
    near = str(photo_path.parent / "near.png")
    assert refocus.main(command(photo_path, manifest_dir, focus="0.5,0.9", aperture="0.1", disparity=near)) == 0
    result = read_photo(photo_path.parent / "out.png").rgb
    assert result[50, 10, 2] == pytest.approx(20 / 255, abs=0.01), "in focus"
    assert result[5, 10, 2] * 6.0 == pytest.approx(6.0 * 32 / 80, abs=0.1), "the largest, at the size that fits"
    assert result[5, 70, 2] == pytest.approx(result[5, 10, 2])

    Image.fromarray(np.zeros((60, 60), np.uint8)).save(photo_path.parent / "square.png")
    square = str(photo_path.parent / "square.png")
    assert refocus.main(command(photo_path, manifest_dir, disparity=square)) == 2


BAD_OPTIONS = {
    "focus outside": ({"focus": "1.2,0.5"}, "focus must be x,y within the picture, both in [0, 1], got 1.2,0.5"),
    "focus negative": ({"focus": "-0.1,0.5"}, "both in [0, 1], got -0.1,0.5"),
    "focus malformed": ({"focus": "middle"}, "focus must be two numbers such as 0.52,0.31, or auto, got 'middle'"),
    "focus of three": ({"focus": "0.1,0.2,0.3"}, "focus must be two numbers"),
    "aperture": ({"aperture": "0"}, "aperture must be an f-number above 0"),
    "threads": ({"threads": "0"}, "--threads: expected a whole number of 1 to 1024, got '0'"),
    "long side": ({"long_side": "8"}, "the long side must be at least 32 px, got 8"),
    "precision": ({"precision": "int8"}, "no pipeline for tflite int8: there are tflite fp32"),
    "backend": ({"backend": "onnx"}, "no pipeline for onnx: there are tflite fp32"),
    "artifacts": ({"artifacts": "/nowhere/at/all"}, "no folder /nowhere/at/all: run `make export` first"),
    "extension": ({"out": "out.tif"}, "expected a name ending in .jpg, .jpeg, .png, .webp, .avif, .heic, .heif"),
    "sweep": ({"sweep": "4"}, "a sweep is an animated WebP: give --out a name ending in .webp"),
    "folder": ({"out": "no/such/folder/out.jpg"}, "there is no folder no/such/folder"),
    "disparity": ({"disparity": "no.png"}, "no photograph at no.png"),
}


@pytest.mark.usefixtures("fake_backend")
@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_give_one_sentence_and_status_2(
    photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    changes, sentence = BAD_OPTIONS[case]
    assert refocus.main(command(photo_path, manifest_dir, **changes)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert not (photo_path.parent / "out.png").exists()


@pytest.mark.usefixtures("fake_backend")
def test_the_photograph_is_not_overwritten(
    photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refocus.main(command(photo_path, manifest_dir, out=str(photo_path))) == 2
    assert "would be written over the photograph" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_backend")
def test_an_interruption_is_announced(
    photo_path: Path,
    manifest_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeRunner, "run", interrupt)
    assert refocus.main(command(photo_path, manifest_dir)) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not (photo_path.parent / "out.png").exists()


def test_the_command_itself_ends_without_a_traceback(tmp_path: Path, manifest_dir: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    argv = command(tmp_path / "text.jpg", manifest_dir)
    done = subprocess.run(
        [sys.executable, "-m", "runtime.refocus", *argv], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "is no JPEG, PNG, WebP, AVIF or HEIC picture" in done.stderr
    assert done.stderr.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_line_is_wiped() -> None:
    terminal = Terminal()
    with ProgressLine("tile", terminal) as progress:
        progress(1, 2)
        progress(2, 2)
    assert terminal.getvalue() == "\rtile 1/2\rtile 2/2\r        \r"
    silent = io.StringIO()
    with ProgressLine("tile", silent) as progress:
        progress(1, 2)
    assert silent.getvalue() == ""


@pytest.mark.usefixtures("fake_backend")
def test_depth_that_the_photograph_carries_is_used_unless_told_not_to(
    tmp_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = gdepth(tmp_path, "RangeInverse")
    for words, source in (([], "GDepth, RangeInverse"), (["--no-depth"], "estimated blur")):
        assert refocus.main([*command(photo, manifest_dir), *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["depth"] == source


@pytest.mark.usefixtures("fake_backend")
def test_every_picture_of_a_folder(photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photo_path.parent / "photos"
    folder.mkdir()
    Image.open(photo_path).convert("RGB").save(folder / "a.jpg")
    Image.open(photo_path).save(folder / "c.webp", lossless=True)
    (folder / "b.png").write_bytes(photo_path.read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    out = photo_path.parent / "done"
    assert refocus.main([*command(folder, manifest_dir, focus="auto", out=str(out)), "--json"]) == 2
    results = json.loads(capsys.readouterr().out)["results"]
    assert [Path(result["photo"]).name for result in results] == ["a.jpg", "b.png", "c.webp"]
    assert ["error" in result for result in results] == [False, True, False]
    assert "damaged or cut short" in results[1]["error"]
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg", "c.webp"]
    assert read_photo(out / "c.webp").size_px == (60, 80)


@pytest.mark.usefixtures("fake_backend")
def test_a_folder_is_not_written_into_itself(
    photo_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo_path.parent
    before = photo_path.read_bytes()
    assert refocus.main(command(folder, manifest_dir, out=str(folder))) == 2
    assert "would be written over the photograph photo.png" in capsys.readouterr().err
    assert photo_path.read_bytes() == before


@pytest.mark.usefixtures("fake_backend")
def test_a_sweep_goes_from_near_to_far_and_back(photo_path: Path, manifest_dir: Path) -> None:
    out = photo_path.parent / "sweep.webp"
    assert refocus.main(command(photo_path, manifest_dir, sweep="4", aperture="1", out=str(out))) == 0
    with Image.open(out) as sweep:
        assert getattr(sweep, "n_frames", 1) == 6
        blue = []
        for frame in range(4):
            sweep.seek(frame)
            blue.append(np.asarray(sweep.convert("RGB"))[30, [8, 72], 2].astype(int))
    left, right = np.array(blue).T
    assert left[0] < 40, "the sharp half is in focus first"
    assert right[0] > 100
    assert left[-1] > 100
    assert right[-1] < 40


@pytest.mark.usefixtures("fake_backend")
def test_lamps_out_of_focus_become_discs_when_asked_for(
    tmp_path: Path, manifest_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = np.full((60, 80, 3), 30, np.uint8)
    night[..., 0], night[:, 40:, 0] = 0, 128  # sharp, and 3 px
    night[28:31, 58:61] = 255
    Image.fromarray(night).save(tmp_path / "night.png")
    pictures = {}
    for bokeh in ("gaussian", "disc"):
        out = str(tmp_path / f"{bokeh}.png")
        assert (
            refocus.main([*command(tmp_path / "night.png", manifest_dir, out=out, aperture="1", bokeh=bokeh), "--json"])
            == 0
        )
        assert json.loads(capsys.readouterr().out)["bokeh"] == bokeh
        pictures[bokeh] = read_photo(out).rgb
    there = pictures["gaussian"][29, 59, 1]  # the stand-in does not blur
    assert pictures["disc"][29, 59, 1] < there - 0.1
    assert pictures["disc"][29, 64, 1] > pictures["gaussian"][29, 64, 1] + 0.05
    np.testing.assert_array_equal(pictures["disc"][:, :40], pictures["gaussian"][:, :40])
    assert refocus.main(command(tmp_path / "night.png", manifest_dir, bokeh="hexagon")) == 2
    assert "invalid choice: 'hexagon' (choose from 'gaussian', 'disc')" in capsys.readouterr().err
