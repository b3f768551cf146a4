"""Whether the comparison with a baseline works on this machine: a kernel slowed on purpose, and one left alone.

The kernel does a unit of work five times, slowed six times: 20 % more work, no sleep. A baseline is measured once, then
both forms ten times over, each time in turns with the calibration kernel, and each is compared with the baseline.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.candidates.kernels import CALIBRATION, KERNELS
from benchmarks.measuring.protocol import Effort, Run, interleaved
from benchmarks.reporting.regression import Change, Quotient, quotient

UNIT = "smoothing"
SIZE_PX = (96, 128)
UNITS, UNITS_SLOWED = 5, 6
EFFORT = Effort(warm_ups=5, runs=120, rest_s=1.0)
COMPARISONS = 10


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What ten comparisons said."""

    unchanged: Sequence[Change]
    slowed: Sequence[Change]

    @property
    def false_alarms(self) -> int:
        """Unchanged kernels that were flagged."""
        return sum(change.is_slower for change in self.unchanged)

    @property
    def found(self) -> int:
        """Slowed kernels that were flagged."""
        return sum(change.is_slower for change in self.slowed)

    def __str__(self) -> str:
        ratios = {"unchanged": self.unchanged, "slowed": self.slowed}
        seen = "; ".join(
            f"{name}: {min(c.ratio for c in changes):.3f} to {max(c.ratio for c in changes):.3f}"
            for name, changes in ratios.items()
        )
        count = len(self.slowed)
        noisy = sum(change.is_noisy for change in (*self.unchanged, *self.slowed))
        seen += f"; too noisy to tell: {noisy} of {2 * count}"
        return (
            f"slowed by 20 %: flagged in {self.found} of {count}; unchanged: in {self.false_alarms} of {count} ({seen})"
        )


def measure(effort: Effort = EFFORT, comparisons: int = COMPARISONS) -> Sensitivity:
    """Measure and compare."""
    unit, calibration = (KERNELS[name][1](SIZE_PX) for name in (UNIT, CALIBRATION))
    forms = {"unchanged": _times(unit, UNITS), "slowed": _times(unit, UNITS_SLOWED)}
    turns = {CALIBRATION: calibration, **forms}  # the baseline's too: as in a comparison between commits

    def quotients(seed: int) -> dict[str, Quotient]:
        times = interleaved(turns, effort, seed=seed, clock=time.process_time)
        return {name: quotient(times[name], times[CALIBRATION]) for name in forms}

    before = quotients(comparisons)["unchanged"]
    found: dict[str, list[Change]] = {name: [] for name in forms}
    for index in range(comparisons):
        for name, after in quotients(index).items():
            found[name].append(Change(case=name, before=before, after=after))
    return Sensitivity(unchanged=found["unchanged"], slowed=found["slowed"])


def _times(unit: Run, count: int) -> Run:
    def run() -> None:
        for _ in range(count):
            unit()

    return run
