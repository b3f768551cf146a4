"""Whether a kernel has become slower since a baseline, on whatever machine.

Each kernel takes turns with a calibration kernel that is none of ours, both by the processor's clock. What is compared
is a kernel's time over the calibration kernel's in the same run: the machine's speed cancels. The turns are cut into
blocks, and of each block the shortest time of either counts: what else a machine does can only add to a time, by the
processor's clock too, through caches and shared cores. The median of the blocks' quotients is the figure, how far the
blocks are apart its uncertainty. (On a shared virtual machine quotients of medians differed by 22 % between runs of
one kernel, these by 4 %.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measuring.protocol import BLOCK
from benchmarks.measuring.rows import Row
from benchmarks.measuring.statistics import mad, median

CALIBRATION_ID = "calibration"
SLOWER_FROM = 1.10
"""A kernel whose quotient has grown by this is slower, if the spread leaves no doubt."""
CERTAIN = 3.0
"""Standard deviations by which the quotient must have grown."""
LEAST_RUNS = 2 * BLOCK
"""Of a comparison that says anything."""
NOISY_FROM = 0.04
"""Relative standard deviation of a ratio from which nothing is said of it."""


OF_MAD, OF_MEDIAN = 1.4826, 1.2533
"""Standard deviation over MAD of normal noise, and of a median over that of a mean."""


@dataclass(frozen=True, kw_only=True)
class Quotient:
    """A kernel's time over the calibration kernel's."""

    value: float
    deviation: float
    """Its standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One kernel, then and now."""

    case: str
    before: Quotient
    after: Quotient

    @property
    def ratio(self) -> float:
        """Above 1: slower."""
        return self.after.value / self.before.value

    @property
    def deviation(self) -> float:
        """Standard deviation of the ratio."""
        parts = (quotient.deviation / quotient.value for quotient in (self.before, self.after))
        return self.ratio * math.hypot(*parts)

    @property
    def is_noisy(self) -> bool:
        """Whether the machine was too busy to tell."""
        return self.deviation > NOISY_FROM * self.ratio

    @property
    def is_slower(self) -> bool:
        """Whether it is flagged."""
        return not self.is_noisy and self.ratio >= SLOWER_FROM and self.ratio - 1.0 >= CERTAIN * self.deviation

    @property
    def verdict(self) -> str:
        """For people."""
        if self.is_noisy:
            return "too noisy to tell"
        if self.is_slower:
            return "slower"
        return "faster" if self.ratio <= 1.0 / SLOWER_FROM and 1.0 - self.ratio >= CERTAIN * self.deviation else "same"


def quotient(kernel_ms: Sequence[float], calibration_ms: Sequence[float]) -> Quotient:
    """The quotient of two series that were measured in turns, of equal length."""
    starts = range(0, min(len(kernel_ms), len(calibration_ms)) - BLOCK + 1, BLOCK)
    blocks = [min(kernel_ms[i : i + BLOCK]) / min(calibration_ms[i : i + BLOCK]) for i in starts]
    return Quotient(value=median(blocks), deviation=OF_MEDIAN * OF_MAD * mad(blocks) / math.sqrt(len(blocks)))


def quotients(rows: Sequence[Row]) -> dict[str, Quotient]:
    """Case -> quotient, of every timed kernel that a calibration kernel took turns with; of the last run of each."""
    found = {}
    by_run: dict[str, list[Row]] = {}
    for row in rows:
        if row.pass_ == "latency" and row.timing is not None and row.status == "ok" and not row.is_sample:
            by_run.setdefault(row.run_id, []).append(row)
    for group in by_run.values():
        calibration = [row for row in group if row.subject.id == CALIBRATION_ID]
        if not calibration or calibration[-1].timing is None:
            continue
        reference = calibration[-1].timing.raw_ms
        for row in group:
            if row.stage == "kernel" and row.timing is not None and len(row.timing.raw_ms) >= LEAST_RUNS:
                found[row.case] = quotient(row.timing.raw_ms, reference)
    return found


def compare(baseline: Sequence[Row], rows: Sequence[Row]) -> list[Change]:
    """Every kernel that both have."""
    before, after = quotients(baseline), quotients(rows)
    return [Change(case=case, before=before[case], after=after[case]) for case in before if case in after]
