"""Turns, warm-ups and samples, by a clock that does what it is told."""

from __future__ import annotations

import math

import pytest

from benchmarks.measuring.protocol import Effort, interleaved, sustained, timing
from benchmarks.measuring.statistics import exponent, mad, median, percentile_90


class Machine:
    """A clock, and candidates that take as long as they say."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def clock(self) -> float:
        return self.now

    def candidate(self, name: str, seconds: float) -> object:
        def run() -> None:
            self.ran.append(name)
            self.now += seconds

        return run


def test_candidates_take_turns_after_their_warm_ups() -> None:
    machine = Machine()
    runs = {name: machine.candidate(name, seconds) for name, seconds in (("slow", 2.0), ("fast", 0.5))}
    times = interleaved(runs, Effort(), clock=machine.clock)  # type: ignore[arg-type]
    assert times == {"slow": [2000.0] * 20, "fast": [500.0] * 20}
    assert machine.ran[:6] == ["slow"] * 3 + ["fast"] * 3
    rounds = [tuple(machine.ran[i : i + 2]) for i in range(6, len(machine.ran), 2)]
    assert all(set(turn) == {"slow", "fast"} for turn in rounds)
    assert len(set(rounds)) == 2  # in an order that changes


def test_a_slow_candidate_gets_no_more_turns_than_its_time() -> None:
    machine = Machine()
    runs = {"slow": machine.candidate("slow", 2.0), "fast": machine.candidate("fast", 0.1)}
    effort = Effort(warm_ups=0, runs=9, most_s=3.0)
    times = interleaved(runs, effort, clock=machine.clock)  # type: ignore[arg-type]
    assert {name: len(values) for name, values in times.items()} == {"slow": 2, "fast": 9}
    assert timing(times["slow"], effort).quick


def test_what_follows_the_protocol_is_not_quick() -> None:
    assert not timing([1.0] * 20, Effort()).quick
    assert timing([1.0] * 19, Effort(runs=19)).quick


def test_the_sustained_pass_runs_for_its_time() -> None:
    machine = Machine()
    starts, times = sustained(machine.candidate("tap", 3.0), Effort(warm_ups=1, sustained_s=10.0), clock=machine.clock)  # type: ignore[arg-type]
    assert starts == [0.0, 3.0, 6.0, 9.0]
    assert times == [3000.0] * 4


def test_statistics_by_hand() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 100.0]
    assert median(values) == 3.0
    assert mad(values) == 1.0
    assert percentile_90(list(map(float, range(1, 21)))) == 18.0
    assert exponent([0.25, 1.0, 4.0], [1.0, 2.0, 4.0]) == pytest.approx(0.5)
    assert math.isclose(exponent([1.0, 2.0, 12.0], [3.0, 6.0, 36.0]), 1.0)
