"""A kernel slowed by a fifth is found, one that is left alone is not, and a machine too busy to tell is told."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.measuring.rows import Journal, Row, Timing
from benchmarks.reporting.regression import Change, compare, quotient

RUNS = 60


def times(generator: random.Random, middle: float, noise: float = 0.04) -> list[float]:
    """Times with noise, and now and then a run that something else disturbed."""
    drawn = [middle * generator.lognormvariate(0.0, noise) for _ in range(RUNS)]
    return [value * (4.0 if generator.random() < 0.1 else 1.0) for value in drawn]


def change(seed: int, slowed: float, noise: float = 0.04) -> Change:
    """A comparison of two runs on machines of unlike speed."""
    generator = random.Random(seed)
    found = []
    for speed, factor in ((1.0, 1.0), (1.7, slowed)):
        kernel = times(generator, 5.0 * speed * factor, noise)
        found.append(quotient(kernel, times(generator, 2.0 * speed, noise)))
    return Change(case="kernel", before=found[0], after=found[1])


def test_a_fifth_slower_is_flagged_ten_times_of_ten() -> None:
    assert [change(seed, 1.2).verdict for seed in range(10)] == ["slower"] * 10


def test_an_unchanged_kernel_is_flagged_in_none_of_ten() -> None:
    assert not any(change(seed, 1.0).is_slower for seed in range(10))


def test_a_fifth_faster_is_told() -> None:
    assert change(0, 0.8).verdict == "faster"


def test_a_machine_too_busy_to_tell_is_told() -> None:
    assert change(0, 1.2, noise=1.0).verdict == "too noisy to tell"


def kernel_rows(row: Row, kernel_ms: float) -> list[Row]:
    """A run of the calibration kernel and of another."""
    found = []
    for index, (name, stage, ms) in enumerate((("calibration", "calibration", 2.0), ("optics", "kernel", kernel_ms))):
        raw = tuple(times(random.Random(index), ms))
        subject = dataclasses.replace(row.subject, kind="kernel", id=name, sha256=None, bytes=None, precision="fp32")
        timing = Timing(cold_load_ms=(), warm_up_runs=3, raw_ms=raw, clock="processor")
        case = f"{stage}/{name}/64x64/numpy-cpu/1t"
        found.append(dataclasses.replace(row, case=case, stage=stage, subject=subject, timing=timing, parity=()))
    return found


@pytest.mark.parametrize(("now_ms", "code"), [(6.0, 1), (5.0, 0)])
def test_the_command_ends_with_1_where_something_is_slower(
    now_ms: float, code: int, as_if_real: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"then": 5.0, "now": now_ms}
    for name, ms in files.items():
        journal = Journal(tmp_path / f"{name}.jsonl")
        for row in kernel_rows(as_if_real[0], ms):
            journal.add(row)
    words = [str(tmp_path / "now.jsonl"), "--baseline", str(tmp_path / "then.jsonl"), "--out", str(tmp_path / "r.html")]
    assert report.main(words) == code
    assert ("slower: kernel/optics" in capsys.readouterr().out) == bool(code)
    assert "Against the baseline" in (tmp_path / "r.html").read_text()


def test_rows_without_a_calibration_kernel_are_not_compared(as_if_real: list[Row]) -> None:
    only = [row for row in kernel_rows(as_if_real[0], 5.0) if row.stage == "kernel"]
    assert compare(only, only) == []
