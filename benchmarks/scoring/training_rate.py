"""Pictures a second in training, and what a second process adds."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import torch

from benchmarks.candidates import training
from benchmarks.measuring.cases import Case, open_case
from benchmarks.measuring.machine import conditions_now
from benchmarks.measuring.protocol import LEAST_RUNS, Effort
from benchmarks.measuring.rows import Timing
from benchmarks.measuring.session import Session, tell
from benchmarks.measuring.statistics import median
from runtime.system.child_processes import child_environment
from runtime.system.errors import ReblurError
from train.data.pair_pool import PairPool
from train.data.synthetic_pairs import SyntheticSource
from train.loop.distributed import joined, world_from_environment
from train.loop.run_state import initial_state
from train.loop.training_step import training_step
from train.presets import preset

PROCESSES = (1, 2)
LIMIT_S = 900.0
BUSY_S = 4.0
"""Seconds of steps during which a GPU is asked how busy it is, which it averages over up to one."""


def measure(session: Session, preset_name: str, threads: Sequence[int]) -> None:
    """Time steps, scenes and pairs, then steps shared by processes.

    Raises:
        ReblurError: there is no such preset.
    """
    preset(preset_name)
    for count in threads:
        for case in training.cases(preset_name, count):
            session.latency([[case]])
            _add_rate(session, case)
    for case in training.gpu_cases(preset_name):
        session.latency([[case]])
        _add_rate(session, case)
    _share(session, preset_name)


def _add_rate(session: Session, case: Case) -> None:
    """The same as pictures a second; of steps the share of the measured peak, and for a GPU how busy it was."""
    timed = [r for r in session.journal.rows if (r.pass_, r.case) == ("latency", case.name) and r.timing]
    if not timed or session.journal.has("scale", case.name):
        return
    row = timed[-1]
    assert row.timing is not None
    seconds = median(row.timing.raw_ms) / 1000.0
    figures: dict[str, float | None] = {"pictures_per_s": training.at_once(case) / seconds}
    if case.stage == "train_step":
        rate, peak = training.gmacs_of_step(case) / seconds, training.peak_gmacs_per_s(case)
        figures |= {"gmacs_per_s": rate, "peak_gmacs_per_s": peak, "share_of_peak": rate / peak}
    if case.accelerator == "gpu":
        figures["gpu_utilisation_percent"] = _utilisation(case)
    session.derive(row, "scale", figures)


def _utilisation(case: Case) -> float:
    """Per cent of the time in which the GPU did something, while it is given one run after another."""
    opened = open_case(case)
    readings, until = [], time.monotonic() + BUSY_S
    while time.monotonic() < until:
        opened.run()
        readings.append(float(torch.cuda.utilization()))
    return median(readings)


def _share(session: Session, preset_name: str) -> None:
    """A step of one batch by one process and by two, one thread each."""
    times: dict[int, list[float]] = {}
    step = training.cases(preset_name, 1)[0]
    cases = {count: dataclasses.replace(step, id=f"{step.id}-{count}-processes") for count in PROCESSES}
    if all(session.journal.has("scale", case.name) for case in cases.values()):
        return
    for count, case in cases.items():
        tell(f"a step by {count} process(es)")
        try:
            times[count] = _by_processes(preset_name, count, session.effort)
        except ReblurError as error:
            session.not_run("scale", case, str(error))
            return
    opened = open_case(step)
    batch = training.at_once(step)
    for count, case in cases.items():
        seconds = median(times[count]) / 1000.0
        speed_up = median(times[1]) / median(times[count])
        short = session.effort.is_quick or len(times[count]) < LEAST_RUNS
        session.add(
            "scale",
            case,
            dataclasses.replace(opened, subject=dataclasses.replace(opened.subject, id=case.id)),
            conditions_now(),
            timing_=Timing(
                cold_load_ms=(), warm_up_runs=session.effort.warm_ups, raw_ms=tuple(times[count]), quick=short
            ),
            figures={
                "processes": float(count),
                "pictures_per_s": batch / seconds,
                "speed_up": speed_up,
                "efficiency": speed_up / count,
            },
        )


def _by_processes(preset_name: str, count: int, effort: Effort) -> list[float]:
    """Milliseconds of each step, of the first process.

    Raises:
        ReblurError: a process failed.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["-m", "benchmarks.scoring.training_rate", preset_name, str(effort.warm_ups), str(effort.runs)]
    environment = {**child_environment(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise ReblurError(f"{count} processes failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return [round(value, 3) for value in json.loads(done.stdout.strip().splitlines()[-1])]


def main() -> int:
    """One process's side: steps of the shared batch."""
    preset_name, warm_ups, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    world, device = world_from_environment(), torch.device("cpu")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    config = training.config_of(f"step-{preset_name}")
    world.check_batch(config.fit.batch_size)
    with joined(world, device):
        state = initial_state(config)
        pool = PairPool(SyntheticSource([], config), config)
        times = []
        for _ in range(warm_ups + runs):
            started = time.perf_counter()
            training_step(state, pool, config, world)
            times.append(1000.0 * (time.perf_counter() - started))
    if world.is_first:
        print(json.dumps(times[warm_ups:]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
