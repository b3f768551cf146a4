import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from train.checkpoint import load_deployable
from train.config import RunConfig
from train.fit import Interruption, fit, main
from train.presets import preset, smoke
from train.run_state import initial_state, learning_rate, load_state, save_state


def tiny(steps: int = 4) -> RunConfig:
    base = smoke()
    fit_config = dataclasses.replace(
        base.fit, steps=steps, stage_one_share=0.5, batch_size=2, crop_px=32, pool_size=4, log_every=1,
        evaluate_every=steps, held_out_scenes=2, warmup_steps=1,
    )  # fmt: skip
    return dataclasses.replace(base, scenes=dataclasses.replace(base.scenes, size_px=40), fit=fit_config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    assert fit(tiny(), [], [], run_dir) is not None
    return run_dir


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    names = {p.name for p in finished.iterdir()}
    assert names == {"config.json", "log.jsonl", "state.pt", "checkpoint.safetensors", "grid_000004.png"}
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "terms" in line]
    assert [line["stage"] for line in steps] == [1, 1, 2, 2]
    assert set(steps[0]["terms"]) == {"deform", "reblur_sharp", "pseudo_sigma"}
    assert set(steps[3]["terms"]) == {"deform", "deform_back", "reblur_sharp", "reblur", "pseudo_sigma"}
    assert lines[-1]["held_out"]["input_psnr_db"] > 10
    load_deployable(finished / "checkpoint.safetensors")


def test_a_resumed_run_equals_one_that_was_not_stopped(finished: Path, tmp_path: Path) -> None:
    class StopAfterTwo(Interruption):
        checks = 0

        @property
        def requested(self) -> bool:  # type: ignore[override]
            self.checks += 1
            return self.checks == 2

        @requested.setter
        def requested(self, value: bool) -> None: ...

    run_dir = tmp_path / "stopped"
    assert fit(tiny(), [], [], run_dir, interruption=StopAfterTwo()) is None
    assert load_state(tiny(), run_dir / "state.pt").step == 2
    assert fit(tiny(), [], [], run_dir, resume=True) is not None
    whole, resumed = (torch.load(d / "state.pt", weights_only=True) for d in (finished, run_dir))
    for network, tensors in whole["networks"].items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, resumed["networks"][network][name]), f"{network}.{name}"


def test_resuming_with_other_settings_is_refused(tmp_path: Path) -> None:
    save_state(initial_state(tiny()), tiny(), tmp_path / "state.pt")
    with pytest.raises(ValueError, match=r"other settings \(fit.steps, fit.evaluate_every\)"):
        load_state(tiny(8), tmp_path / "state.pt")


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match="damaged"):
        load_state(tiny(), tmp_path / "state.pt")


def test_the_learning_rate_warms_up_and_decays() -> None:
    config = smoke()
    rates = [learning_rate(step, config) for step in range(config.fit.steps)]
    assert rates[0] == pytest.approx(config.fit.learning_rate / config.fit.warmup_steps, rel=0.01)
    assert max(rates) <= config.fit.learning_rate
    assert rates[-1] < 0.02 * config.fit.learning_rate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "nope"], "no preset 'nope': choose one of mobile, smoke"),
        (["--photos", "/nowhere"], "no folder of photographs at /nowhere"),
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_an_existing_run_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "state.pt").write_bytes(b"precious")
    assert main(["--out", str(tmp_path)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (tmp_path / "smoke" / "state.pt").read_bytes() == b"precious"


def test_ctrl_c_saves_the_state(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "train.fit",
        "--preset",
        "smoke",
        "--out",
        str(tmp_path),
        "--threads",
        "1",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        log = tmp_path / "smoke" / "log.jsonl"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (log.exists() and log.stat().st_size):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the state is saved, go on with --resume" in errors
    assert "Traceback" not in errors
    assert load_state(preset("smoke"), tmp_path / "smoke" / "state.pt").step >= 20
