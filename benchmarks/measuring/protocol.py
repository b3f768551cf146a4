"""How things are timed: warm-ups, turns, every sample kept. ``PROTOCOL.md`` is the same in words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measuring.rows import Timing

Run = Callable[[], object]
Clock = Callable[[], float]
"""Seconds."""
BLOCK = 10
"""Turns between pauses, and of what a comparison with a baseline looks at together."""
LEAST_RUNS, LEAST_WARM_UPS = 20, 3
"""Of a measurement that counts; the schema holds it."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is done for one measurement."""

    warm_ups: int = LEAST_WARM_UPS
    """Runs that are not counted."""
    runs: int = LEAST_RUNS
    """Timed runs."""
    cold_loads: int = 3
    """Fresh processes in which a file is loaded."""
    memory_runs: int = 5
    """Runs in the pass that looks at memory."""
    sustained_s: float = 120.0
    """Length of the pass that looks for a drop."""
    rest_s: float = 0.0
    """Pause after every ``BLOCK`` turns: what disturbs a machine for seconds then disturbs few blocks."""
    most_s: float = float("inf")
    """Time after which a candidate gets no further turn; ``runs`` may not be reached then."""

    @property
    def is_quick(self) -> bool:
        """Whether it is less than the protocol asks for."""
        return self.runs < LEAST_RUNS or self.warm_ups < LEAST_WARM_UPS or self.most_s < float("inf")


OF_THE_PROCESSOR = "processor"
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, OF_THE_PROCESSOR: time.process_time}
"""The processor's own does not count what other programs run."""
FULL = Effort()
QUICK = Effort(warm_ups=1, runs=7, cold_loads=1, memory_runs=2, sustained_s=8.0, most_s=4.0)
EFFORTS = {"full": FULL, "quick": QUICK}


def interleaved(
    candidates: Mapping[str, Run], effort: Effort, *, seed: int = 0, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Time candidates that take turns, in an order that is drawn anew each round.

    Args:
        candidates: name -> what runs it once.
        effort: how much.
        seed: of the order.
        clock: seconds.

    Returns:
        Name -> milliseconds of every timed run, in order.
    """
    for run in candidates.values():
        for _ in range(effort.warm_ups):
            run()
    order, generator = list(candidates), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(effort.runs):
        if turn and turn % BLOCK == 0 and effort.rest_s:
            time.sleep(effort.rest_s)
            for run in candidates.values():
                run()  # not counted: a processor that has slept begins slowly
        generator.shuffle(order)
        for name in order:
            if sum(times[name]) >= 1000.0 * effort.most_s:
                continue
            started = clock()
            candidates[name]()
            times[name].append(1000.0 * (clock() - started))
    return times


def sustained(run: Run, effort: Effort, *, clock: Clock = time.perf_counter) -> tuple[list[float], list[float]]:
    """Run one candidate back to back for ``effort.sustained_s``.

    Returns:
        When each run started, in seconds since the first, and its milliseconds.
    """
    for _ in range(effort.warm_ups):
        run()
    begin = clock()
    starts: list[float] = []
    times: list[float] = []
    while (started := clock()) - begin < effort.sustained_s or not times:
        run()
        starts.append(started - begin)
        times.append(1000.0 * (clock() - started))
    return starts, times


def timing(raw_ms: Sequence[float], effort: Effort, cold_load_ms: Sequence[float] = (), clock: str = "wall") -> Timing:
    """The record of a timed pass: quick where it fell short of the protocol for whatever reason."""
    short = effort.is_quick and (len(raw_ms) < LEAST_RUNS or effort.warm_ups < LEAST_WARM_UPS)
    return Timing(
        cold_load_ms=tuple(round(value, 3) for value in cold_load_ms),
        warm_up_runs=effort.warm_ups,
        raw_ms=tuple(round(value, 4) for value in raw_ms),
        quick=short,
        clock=clock,
    )
