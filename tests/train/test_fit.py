import json
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from train.checkpoint import save_deployable
from train.fit import main, parser
from train.loop.command import configure
from train.loop.run_state import RunState, initial_state
from train.loop.training_step import Stepped, training_step
from train.presets import smoke

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks of the smoke preset, with the reblurring module."""
    state = initial_state(smoke())
    path = tmp_path_factory.mktemp("weights") / "checkpoint.safetensors"
    save_deployable(state.restorer(smoke()), path, state.networks.reblur)
    return path


def test_real_pairs_are_trained_on_and_measured_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for side in ("blurry", "sharp"):
            folder = tmp_path / "set" / split / side
            folder.mkdir(parents=True)
            picture = cv2.GaussianBlur(rng.integers(0, 255, (48, 48, 3)).astype(np.uint8), (0, 0), 2)
            cv2.imwrite(str(folder / "a.png"), picture)
    arguments = ["--pairs", str(tmp_path / "set"), "--out", str(tmp_path), "--steps", "1", "--crop", "16"]
    assert main([*arguments, "--batch-size", "1", "--threads", "1", "--device", "cpu", "--no-tensorboard"]) == 0
    record = json.loads((tmp_path / "smoke" / "config.json").read_text())
    assert record["data"]["pairs"].startswith("2 files")
    assert record["data"]["held-out pairs"].startswith("2 files")
    figures = json.loads((tmp_path / "smoke" / "log.jsonl").read_text().splitlines()[-1])["held_out"]
    assert figures["sigma_mae_px"] is None


def test_the_command_line_changes_the_preset(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--crop", "48", "--learning-rate", "1e-5", "--batch-size", "2", "--compile"]
    config, _ = configure(parser().parse_args(arguments))
    margin_px = smoke().scenes.size_px - smoke().fit.crop_px
    assert (config.fit.crop_px, config.scenes.size_px) == (48, 48 + margin_px)
    assert (config.fit.learning_rate, config.fit.batch_size, config.fit.compile) == (1e-5, 2, True)
    config, warm_start = configure(parser().parse_args(["--init", str(checkpoint), "--reblur-first", "100"]))
    assert warm_start is not None
    assert warm_start.has_reblur
    assert (config.fit.reblur_first_steps, config.fit.prior_ramp_from) == (0, 1.0)
    assert "--reblur-first has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "nope"], "no preset 'nope': choose one of "),
        (["--photos", "/nowhere"], "--photos: no folder /nowhere"),
        (["--pairs", "/nowhere"], "--pairs: no folder /nowhere"),
        (["--pairs", "/", "--photos", "/"], "--pairs and --photos exclude each other"),
        (["--steps", "0"], "--steps: expected a whole number of 1 or more, got '0'"),
        (["--batch-size", "0"], "--batch-size: expected a whole number of 1 or more, got '0'"),
        (["--crop", "20"], "crop_px must be a multiple of 16, got 20"),
        (["--learning-rate", "0"], "learning_rate must be positive, got 0.0"),
        (["--device", "tpu"], "--device: invalid choice: 'tpu'"),
        (["--precision", "bfloat16"], "--precision is now --compute-precision"),
        (["--threads", "-1"], "--threads: expected a whole number of 1 to 1024, got '-1'"),
        (["--init", "/nowhere.safetensors"], "no checkpoint at /nowhere.safetensors"),
        (["--resume"], "nothing to resume in "),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_a_checkpoint_of_other_networks_is_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--preset", "mobile", "--init", str(checkpoint), "--out", str(tmp_path)]) == 2
    assert "holds other networks than the preset (deblur: expected " in capsys.readouterr().err


def test_an_existing_run_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "state.pt").write_bytes(b"precious")
    assert main(["--out", str(tmp_path)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (tmp_path / "smoke" / "state.pt").read_bytes() == b"precious"


def test_an_interrupted_command_saves_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A SIGTERM comes while the third step is under way."""

    def step_and_signal(state: RunState, *rest: Any) -> Stepped:
        stepped = training_step(state, *rest)
        if state.step == 3:
            signal.raise_signal(signal.SIGTERM)
        return stepped

    monkeypatch.setattr("train.loop.trainer.training_step", step_and_signal)
    arguments = ["--out", str(tmp_path), "--threads", "1", "--device", "cpu", "--no-tensorboard"]
    arguments += ["--batch-size", "1", "--crop", "16"]
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(arguments) == 130
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    assert "the state is saved, go on with --resume" in capsys.readouterr().err
    assert torch.load(tmp_path / "smoke" / "state.pt", weights_only=True)["step"] == 3
