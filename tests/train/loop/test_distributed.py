"""Two real processes on the CPU, connected by gloo as torchrun would, against one."""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from train.loop.distributed import ALONE, World, world_from_environment

pytestmark = pytest.mark.slow

WORKER = '''
import dataclasses, signal, sys
from pathlib import Path
from unittest import mock
import torch
from runtime.system.errors import ReblurError
from train.loop.device import pick_device
from train.loop.distributed import joined, world_from_environment
from train.presets import smoke
from train.loop.trainer import Interruption, Options, fit
from train.loop.training_data import synthetic_data
from train.loop.training_step import training_step

torch.set_num_threads(1)
base = smoke()
config = dataclasses.replace(
    base,
    scenes=dataclasses.replace(base.scenes, size_px=40, dead_leaves_count=2),
    loss=dataclasses.replace(base.loss, triplet_share=0.25, sharp_share=0.25),
    fit=dataclasses.replace(
        base.fit, steps=3, stage_one_share=0.3, stage_three_from=1.0, batch_size=4, crop_px=32, pool_size=4,
        log_every=1, evaluate_every=3, held_out_scenes=1, warmup_steps=1,
    ),
)
out, world = Path(sys.argv[1]), world_from_environment()


def step_and_signal(state, *rest):
    """The last process gets a SIGTERM during its second step."""
    stepped = training_step(state, *rest)
    if state.step == 2 and world.rank == world.size - 1:
        signal.raise_signal(signal.SIGTERM)
    return stepped


def refuse():
    raise ReblurError("only the first process could tell")


with joined(world, pick_device("cpu")):
    data = synthetic_data(config, None, None, measures=world.is_first)
    fit(config, data, out / "whole", Options(world=world))
    interruption = Interruption()
    interruption.install()
    with mock.patch("train.loop.trainer.training_step", step_and_signal):
        ended = fit(config, data, out / "stopped", Options(world=world, interruption=interruption))
    assert ended is None
    fit(config, data, out / "stopped", Options(world=world, resume=True))
    message = ""
    try:
        world.from_first(refuse)
    except ReblurError as error:
        message = str(error)
    (out / f"error_{world.rank}").write_text(message)
'''


def script_in(out: Path) -> Path:
    out.mkdir()
    script = out / "worker.py"
    script.write_text(WORKER)
    return script


def run_here(out: Path) -> None:
    """The script in this process, which no torchrun started."""
    script, handlers = script_in(out), {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(script), str(out)])
        patch.delenv("WORLD_SIZE", raising=False)
        try:
            runpy.run_path(str(script))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def run_processes(count: int, out: Path) -> None:
    """The script in so many processes, with the environment that torchrun gives them."""
    script = script_in(out)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parents[3]
    started = []
    for rank in range(count):
        environment = {
            **os.environ,
            "PYTHONPATH": str(root),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, str(script), str(out)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=out))
    try:
        errors = [process.communicate(timeout=120)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * count, "\n".join(errors)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("distributed")
    run_here(folder / "one")
    run_processes(2, folder / "two")
    return folder / "one", folder / "two"


def test_two_processes_give_the_same_losses_and_weights_as_one(runs: tuple[Path, Path]) -> None:
    logs = [[json.loads(line) for line in (out / "whole" / "log.jsonl").read_text().splitlines()][:3] for out in runs]
    for one, two in zip(*logs, strict=True):
        assert two["terms"] == pytest.approx(one["terms"], abs=2e-6)
        assert two["gradient_norms"] == pytest.approx(one["gradient_norms"], rel=1e-3, abs=1e-5)
    one, two = (torch.load(out / "whole" / "state.pt", weights_only=True)["networks"] for out in runs)
    for network, tensors in one.items():
        for name, tensor in tensors.items():
            torch.testing.assert_close(two[network][name], tensor, atol=1e-5, rtol=0, msg=f"{network}.{name}")


@pytest.mark.parametrize("count", [1, 2])
def test_a_signal_to_any_process_stops_all_and_the_run_goes_on(runs: tuple[Path, Path], count: int) -> None:
    out = runs[count - 1]
    lines = [json.loads(line)["step"] for line in (out / "stopped" / "log.jsonl").read_text().splitlines()]
    assert lines == [1, 2, 3, 3]
    whole, stopped = (torch.load(out / name / "state.pt", weights_only=True) for name in ("whole", "stopped"))
    assert whole["step"] == stopped["step"] == 3
    for network, tensors in whole["networks"].items():
        for name, tensor in tensors.items():
            assert torch.equal(stopped["networks"][network][name], tensor), f"{network}.{name}"


def test_an_error_in_the_first_process_reaches_all(runs: tuple[Path, Path]) -> None:
    messages = [(runs[1] / f"error_{rank}").read_text() for rank in range(2)]
    assert messages == ["only the first process could tell"] * 2


def test_a_batch_that_cannot_be_split_is_refused() -> None:
    World(size=4).check_batch(8)
    with pytest.raises(ValueError, match=r"a batch of 8 cannot be split evenly over 3 processes.*multiple of 3"):
        World(size=3).check_batch(8)


def test_torchrun_tells_who_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert world_from_environment() == ALONE
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert world_from_environment() == World(rank=5, size=8, local_rank=1)
