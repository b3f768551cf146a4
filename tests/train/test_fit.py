import dataclasses
import json
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.checkpoint import load_deployable, load_reblur_state
from train.config import RunConfig
from train.fit import configure, main, parse
from train.loop.run_state import load_state
from train.loop.trainer import Interruption, Options, fit
from train.loop.training_data import TrainingData, synthetic_data
from train.loop.warm_start import read_warm_start
from train.presets import smoke


def tiny(steps: int = 4, **changes: object) -> RunConfig:
    base = smoke()
    settings: dict[str, object] = {
        "steps": steps, "stage_one_share": 0.5, "stage_three_from": 1.0, "batch_size": 2, "crop_px": 32,
        "pool_size": 4, "log_every": 1, "evaluate_every": steps, "held_out_scenes": 2, "warmup_steps": 1,
    }  # fmt: skip
    fit_config = dataclasses.replace(base.fit, **settings | changes)  # type: ignore[arg-type]
    scenes = dataclasses.replace(base.scenes, size_px=40, dead_leaves_count=2)
    return dataclasses.replace(base, scenes=scenes, fit=fit_config)


def data_of(config: RunConfig) -> TrainingData:
    return synthetic_data(config, None, None)


class StopAfter(Interruption):
    """Asks to stop at the n-th check, which is after the n-th step."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def requested(self) -> bool:  # type: ignore[override]
        self.left -= 1
        return self.left == 0

    @requested.setter
    def requested(self, value: bool) -> None: ...


def states(*folders: Path) -> list[dict]:
    return [torch.load(folder / "state.pt", weights_only=True) for folder in folders]


def assert_equal(one: object, other: object, where: str = "") -> None:
    """The same structure with the same tensors, bit for bit."""
    if isinstance(one, dict):
        assert isinstance(other, dict)
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, torch.Tensor):
        assert isinstance(other, torch.Tensor)
        assert torch.equal(one, other), where
    else:
        assert one == other, where


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    assert fit(tiny(), data_of(tiny()), run_dir, Options(tensorboard=True)) is not None
    return run_dir


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    assert {p.name for p in finished.iterdir()} == {
        "config.json", "log.jsonl", "state.pt", "checkpoint.safetensors", "best.safetensors",
        "held_out_000004.png", "pairs_000004.png", "tensorboard",
    }  # fmt: skip
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "terms" in line]
    assert [line["stage"] for line in steps] == [1, 1, 2, 2]
    assert set(steps[0]["terms"]) == {"deform", "reblur_sharp", "pseudo_sigma"}
    assert set(steps[3]["terms"]) == {"deform", "reblur_sharp", "reblur", "pseudo_sigma"}
    assert set(steps[0]["gradient_norms"]) == {"deblur", "defocus", "reblur"}
    assert 0.0 < steps[0]["waiting_share"] < 1.0
    assert 0.0 < steps[0]["health"]["identity_share"] < 1.0
    assert lines[-1]["held_out"]["input_psnr_db"] > 10
    load_deployable(finished / "checkpoint.safetensors")
    assert load_reblur_state(finished / "best.safetensors") is not None


def test_the_record_says_what_the_run_was_made_from(finished: Path) -> None:
    record = json.loads((finished / "config.json").read_text())
    assert record["fit"]["steps"] == 4
    assert record["data"]["pairs"] == "synthetic scenes"
    assert record["data"]["photos"] == "none (procedural pictures)"
    assert record["data"]["weights"] == "random"


def test_tensorboard_gets_the_scalars_and_the_pictures(finished: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished / "tensorboard"))
    events.Reload()
    assert {"terms/deform", "learning_rate", "waiting_share", "health/explained_share", "held_out/gain_db"} <= set(
        events.Tags()["scalars"]
    )
    assert [e.step for e in events.Scalars("gradient_norms/reblur")] == [1, 2, 3, 4]
    assert set(events.Tags()["images"]) == {"held_out", "pairs"}


def test_a_resumed_run_equals_one_that_was_not_stopped(finished: Path, tmp_path: Path) -> None:
    run_dir, config = tmp_path / "stopped", tiny()
    assert fit(config, data_of(config), run_dir, Options(interruption=StopAfter(2))) is None
    (run_dir / "log.jsonl").open("a").write('{"step": 3, "from": "a run that was killed"}\n')
    assert fit(config, data_of(config), run_dir, Options(resume=True)) is not None
    assert_equal(*states(finished, run_dir))
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 4]
    assert not any("from" in line for line in lines)


def test_so_does_one_in_bfloat16_with_all_three_stages(tmp_path: Path) -> None:
    config = tiny(3, precision="bfloat16", reblur_first_steps=1, stage_one_share=0.3, stage_three_from=0.6)
    data = data_of(config)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert fit(config, data, whole) is not None
    assert fit(config, data, stopped, Options(interruption=StopAfter(2))) is None
    assert fit(config, data, stopped, Options(resume=True)) is not None
    assert_equal(*states(whole, stopped))
    lines = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines if "terms" in line] == [0, 1, 2, 3]


def test_bfloat16_stays_close_to_float32_and_keeps_weights_in_float32(finished: Path, tmp_path: Path) -> None:
    config = tiny(precision="bfloat16")
    assert fit(config, data_of(config), tmp_path / "half") is not None
    full, half = states(finished, tmp_path / "half")
    assert all(t.dtype == torch.float32 for t in half["networks"]["deblur"].values())
    assert not torch.equal(
        full["networks"]["reblur"]["unet.stem.weight"], half["networks"]["reblur"]["unet.stem.weight"]
    )
    first = [json.loads((d / "log.jsonl").read_text().splitlines()[0])["terms"] for d in (finished, tmp_path / "half")]
    assert first[1] == pytest.approx(first[0], rel=0.02)


def test_the_reblurring_module_is_trained_alone_first(finished: Path, tmp_path: Path) -> None:
    config = tiny(2, reblur_first_steps=2)
    warm_start = read_warm_start(finished / "checkpoint.safetensors", config.networks)
    del warm_start.tensors["reblur"]
    options = Options(warm_start=warm_start, interruption=StopAfter(2))
    assert fit(config, data_of(config), tmp_path / "run", options) is None
    state = load_state(config, tmp_path / "run" / "state.pt", json_record(tmp_path / "run"))
    for name in ("deblur", "defocus"):
        for key, tensor in getattr(state.networks, name).state_dict().items():
            assert torch.equal(tensor, warm_start.tensors[name][key]), f"{name}.{key} moved"
    fresh = torch.load(finished / "state.pt", weights_only=True)["networks"]["reblur"]
    assert not torch.equal(state.networks.reblur.unet.stem.weight, fresh["unet.stem.weight"])


def json_record(run_dir: Path) -> dict[str, str]:
    record: dict[str, str] = json.loads((run_dir / "config.json").read_text())["data"]
    return record


def test_resuming_on_other_data_is_refused(finished: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "photo.png"), rng.integers(0, 255, (64, 64, 3)))
    data = synthetic_data(tiny(), tmp_path, None)
    with pytest.raises(ValueError, match=r"other data \(photos: it was none .*, now 1 files"):
        fit(tiny(), data, finished, Options(resume=True))


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


def test_the_command_line_changes_the_preset(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = configure(parse(["--crop", "48", "--learning-rate", "1e-5", "--batch-size", "2", "--compile"]))
    margin_px = smoke().scenes.size_px - smoke().fit.crop_px
    assert (config.fit.crop_px, config.scenes.size_px) == (48, 48 + margin_px)
    assert (config.fit.learning_rate, config.fit.batch_size, config.fit.compile) == (1e-5, 2, True)
    checkpoint = str(finished / "checkpoint.safetensors")
    config, warm_start = configure(parse(["--init", checkpoint, "--reblur-first", "100"]))
    assert warm_start is not None
    assert warm_start.has_reblur
    assert (config.fit.reblur_first_steps, config.fit.prior_ramp_from) == (0, 1.0)
    assert "--reblur-first has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "nope"], "no preset 'nope': choose one of "),
        (["--photos", "/nowhere"], "no folder of photographs at /nowhere"),
        (["--pairs", "/nowhere"], "no folder of picture pairs at /nowhere"),
        (["--pairs", "/nowhere", "--photos", "/there"], "--pairs and --photos exclude each other"),
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--crop", "20"], "crop_px must be a multiple of 16, got 20"),
        (["--learning-rate", "0"], "learning_rate must be positive, got 0.0"),
        (["--device", "tpu"], "no device 'tpu': choose auto, cpu or cuda"),
        (["--init", "/nowhere.safetensors"], "no checkpoint at /nowhere.safetensors"),
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


def test_a_checkpoint_of_other_networks_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = str(finished / "checkpoint.safetensors")
    assert main(["--preset", "mobile", "--init", checkpoint, "--out", str(finished)]) == 2
    assert "holds other networks than the preset (deblur: expected " in capsys.readouterr().err


def test_an_existing_run_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "state.pt").write_bytes(b"precious")
    assert main(["--out", str(tmp_path)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (tmp_path / "smoke" / "state.pt").read_bytes() == b"precious"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_remembered_and_a_second_ctrl_c_stops_at_once(number: signal.Signals) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    interruption = Interruption()
    try:
        interruption.install()
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def test_an_interrupted_command_saves_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("train.fit.Interruption", StopOnTerm)
    monkeypatch.setattr("train.fit.preset", lambda name: tiny(100))
    arguments = ["--out", str(tmp_path), "--threads", "1", "--device", "cpu", "--no-tensorboard"]
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(arguments) == 130
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    assert "the state is saved, go on with --resume" in capsys.readouterr().err
    assert torch.load(tmp_path / "smoke" / "state.pt", weights_only=True)["step"] == 3


class StopOnTerm(Interruption):
    """Sends this process a SIGTERM in the third step."""

    checks = 0

    def __getattribute__(self, name: str) -> object:
        if name == "requested":
            StopOnTerm.checks += 1
            if StopOnTerm.checks == 3:
                signal.raise_signal(signal.SIGTERM)
        return super().__getattribute__(name)
