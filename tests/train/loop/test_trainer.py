import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from train.checkpoint import load_deployable, load_reblur_state
from train.config import RunConfig
from train.loop.run_state import RunState, initial_state
from train.loop.trainer import Interruption, Options, fit
from train.loop.training_data import TrainingData, synthetic_data
from train.loop.training_step import Stepped, training_step
from train.loop.warm_start import read_warm_start
from train.presets import smoke


def tiny(steps: int = 4, **changes: object) -> RunConfig:
    base = smoke()
    settings: dict[str, object] = {
        "steps": steps,
        "stage_one_share": 0.5,
        "stage_three_from": 1.0,
        "batch_size": 2,
        "crop_px": 32,
        "pool_size": 4,
        "log_every": 1,
        "evaluate_every": steps,
        "held_out_scenes": 2,
        "warmup_steps": 1,
    }
    fit_config = dataclasses.replace(base.fit, **settings | changes)  # type: ignore[arg-type]
    scenes = dataclasses.replace(base.scenes, size_px=40, dead_leaves_count=2)
    return dataclasses.replace(base, scenes=scenes, fit=fit_config)


def data_of(config: RunConfig) -> TrainingData:
    return synthetic_data(config, None, None)


def stopping_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Interruption:
    """Asked to stop while that step is under way."""
    interruption = Interruption()

    def step_and_ask(state: RunState, *rest: Any) -> Stepped:
        stepped = training_step(state, *rest)
        interruption.requested = state.step == steps
        return stepped

    monkeypatch.setattr("train.loop.trainer.training_step", step_and_ask)
    return interruption


def state_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "state.pt", weights_only=True)
    return state


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
        "config.json",
        "log.jsonl",
        "state.pt",
        "checkpoint.safetensors",
        "best.safetensors",
        "held_out_000004.png",
        "pairs_000004.png",
        "tensorboard",
    }
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


def test_a_resumed_run_equals_one_that_was_not_stopped(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, config = tmp_path / "stopped", tiny()
    assert fit(config, data_of(config), run_dir, Options(interruption=stopping_after(2, monkeypatch))) is None
    with (run_dir / "log.jsonl").open("a") as log:
        log.write('{"step": 3, "from": "a run that was killed"}\n')
    assert fit(config, data_of(config), run_dir, Options(resume=True)) is not None
    assert_equal(state_of(finished), state_of(run_dir))
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 4]
    assert not any("from" in line for line in lines)


def test_so_does_one_in_bfloat16_with_all_three_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(3, precision="bfloat16", reblur_first_steps=1, stage_one_share=0.3, stage_three_from=0.6)
    data = data_of(config)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert fit(config, data, whole) is not None
    assert fit(config, data, stopped, Options(interruption=stopping_after(2, monkeypatch))) is None
    assert fit(config, data, stopped, Options(resume=True)) is not None
    assert_equal(state_of(whole), state_of(stopped))
    lines = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines if "terms" in line] == [0, 1, 2, 3]


def test_bfloat16_stays_close_to_float32_and_keeps_weights_in_float32(finished: Path, tmp_path: Path) -> None:
    config = tiny(precision="bfloat16")
    assert fit(config, data_of(config), tmp_path / "half") is not None
    full, half = state_of(finished), state_of(tmp_path / "half")
    assert all(t.dtype == torch.float32 for t in half["networks"]["deblur"].values())
    assert not torch.equal(
        full["networks"]["reblur"]["unet.stem.weight"], half["networks"]["reblur"]["unet.stem.weight"]
    )
    first = [json.loads((d / "log.jsonl").read_text().splitlines()[0])["terms"] for d in (finished, tmp_path / "half")]
    assert first[1] == pytest.approx(first[0], rel=0.02)


def test_the_reblurring_module_is_trained_alone_first(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(2, reblur_first_steps=2)
    warm_start = read_warm_start(finished / "checkpoint.safetensors", config.networks)
    del warm_start.tensors["reblur"]
    options = Options(warm_start=warm_start, interruption=stopping_after(2, monkeypatch))
    assert fit(config, data_of(config), tmp_path / "run", options) is None
    trained = state_of(tmp_path / "run")["networks"]
    for name in ("deblur", "defocus"):
        assert_equal(trained[name], warm_start.tensors[name], name)
    fresh = initial_state(config).networks.reblur.state_dict()
    assert not torch.equal(trained["reblur"]["unet.stem.weight"], fresh["unet.stem.weight"])


def test_resuming_on_other_data_is_refused(finished: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "photo.png"), rng.integers(0, 255, (64, 64, 3)))
    data = synthetic_data(tiny(), tmp_path, None)
    with pytest.raises(ValueError, match=r"other data \(photos: it was none .*, now 1 files"):
        fit(tiny(), data, finished, Options(resume=True))


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


@pytest.mark.slow
def test_a_minute_of_training_deblurs_and_finds_the_blur(tmp_path: Path) -> None:
    """The smallest whole training learns what it should, from misaligned procedural pairs alone."""
    figures = fit(smoke(), synthetic_data(smoke(), None, None), tmp_path / "smoke")
    assert figures is not None
    print(figures)
    assert figures.gain_db > 0.2
    assert figures.worse_share < 0.3  # scenes that are all but sharp: so short a training cannot leave them alone
    assert figures.sigma_mae_px < 0.45
    assert figures.sigma_correlation > 0.65


def test_the_state_is_saved_by_time_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in its third step, long before the first evaluation."""

    def step_and_die(state: RunState, *rest: Any) -> Stepped:
        if state.step == 2:
            raise RuntimeError("killed")
        return training_step(state, *rest)

    monkeypatch.setattr("train.loop.trainer.training_step", step_and_die)
    monkeypatch.setattr("train.loop.trainer.SAVE_EVERY_S", 0.0)
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny(100), data_of(tiny(100)), tmp_path)
    assert state_of(tmp_path)["step"] == 2
