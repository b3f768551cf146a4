import dataclasses
from pathlib import Path

import pytest
import torch

from train.config import RunConfig
from train.loop.run_state import (
    RunState,
    initial_state,
    learning_rate,
    read_state,
    reblur_alone,
    restore_state,
    save_state,
)
from train.presets import smoke


def changed(**changes: object) -> RunConfig:
    base = smoke()
    return dataclasses.replace(base, fit=dataclasses.replace(base.fit, **changes))  # type: ignore[arg-type]


@pytest.fixture
def state() -> RunState:
    return initial_state(smoke())


def test_what_was_saved_comes_back(state: RunState, tmp_path: Path) -> None:
    state.step, state.best_gain_db = 7, 1.25
    state.update_average()
    with torch.no_grad():
        next(state.networks.deblur.parameters()).add_(1.0)
    save_state(state, smoke(), tmp_path / "state.pt", {"photos": "3 files"})
    loaded = initial_state(smoke())
    restore_state(loaded, read_state(smoke(), tmp_path / "state.pt", {"photos": "3 files"}))
    assert (loaded.step, loaded.best_gain_db) == (7, 1.25)
    for before, after in ((state.networks, loaded.networks), ([state.average], [loaded.average])):
        for one, other in zip(before, after, strict=True):
            for tensor, same in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
                assert torch.equal(tensor, same)


def test_the_average_follows_the_networks(state: RunState) -> None:
    weight = next(state.networks.deblur.parameters())
    with torch.no_grad():
        weight.fill_(0.0)
        state.update_average()  # the first update copies
        weight.fill_(1.0)
        state.update_average()  # the second keeps (1 + 1) / (10 + 1)
    averaged = next(state.restorer(smoke()).deblur.parameters())
    torch.testing.assert_close(averaged, torch.full_like(averaged, 1.0 - 2.0 / 11.0))


def test_resuming_with_other_settings_is_refused(state: RunState, tmp_path: Path) -> None:
    save_state(state, smoke(), tmp_path / "state.pt")
    with pytest.raises(ValueError, match=r"other settings \(fit.steps, fit.evaluate_every\)"):
        read_state(changed(steps=8, evaluate_every=8), tmp_path / "state.pt")


def test_how_it_is_computed_may_change(state: RunState, tmp_path: Path) -> None:
    save_state(state, smoke(), tmp_path / "state.pt")
    assert read_state(changed(compile=True, channels_last=False), tmp_path / "state.pt")["step"] == 0


@pytest.mark.parametrize("now", [{"photos": "3 files"}, {"photos": "2 files", "pairs": "1 files"}])
def test_resuming_on_other_data_is_refused(state: RunState, now: dict[str, str], tmp_path: Path) -> None:
    save_state(state, smoke(), tmp_path / "state.pt", {"photos": "2 files"})
    with pytest.raises(ValueError, match=r"made from other data \((photos: it was 2 files|pairs: it was none), now"):
        read_state(smoke(), tmp_path / "state.pt", now)


@pytest.mark.parametrize("content", [b"PK not a zip", b""])
def test_a_damaged_state_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_state(smoke(), tmp_path / "state.pt")


def test_the_learning_rate_warms_up_and_decays() -> None:
    config = smoke()
    rates = [learning_rate(step, config) for step in range(config.fit.steps)]
    assert rates[0] == pytest.approx(config.fit.learning_rate / config.fit.warmup_steps, rel=0.01)
    assert max(rates) <= config.fit.learning_rate
    assert rates[-1] < 0.02 * config.fit.learning_rate


def test_the_schedule_waits_for_the_reblurring_module() -> None:
    config = changed(steps=10, reblur_first_steps=3, warmup_steps=2, learning_rate=1e-5, reblur_first_rate=1e-3)
    assert config.fit.total_steps == 13
    assert [reblur_alone(step, config) for step in (0, 2, 3)] == [True, True, False]
    assert [learning_rate(step, config) for step in (0, 1, 2)] == [5e-4, 1e-3, 1e-3]
    assert learning_rate(3, config) == pytest.approx(5e-6)
    assert learning_rate(12, config) < 1e-6


def test_a_reblurring_module_at_rest_is_its_own_average(state: RunState) -> None:
    weight = next(state.networks.reblur.parameters())
    with torch.no_grad():
        weight.fill_(0.0)
        state.update_average()
        weight.fill_(1.0)
        state.update_average()
    assert state.rest_reblurring() is state.networks.reblur
    rested = weight.detach().clone()
    torch.testing.assert_close(rested, torch.full_like(rested, 1.0 - 2.0 / 11.0))
    state.update_average()
    state.rest_reblurring()
    assert torch.equal(weight.detach(), rested)
