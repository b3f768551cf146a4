"""Thresholds that go by what the float model itself reaches, see ``export.verification.achievable``."""

from __future__ import annotations

from dataclasses import dataclass

from export.verification.metrics import HIGHER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Room:
    """How far beyond the float model's own figure in an arithmetic a sound file of that arithmetic may be.

    Processors and compilers sum in other orders, and a look-up table of a Neural Engine is not what rounding is.
    """

    decibels: float
    factor: float
    tightens: bool
    """Whether the figure replaces the absolute threshold, or counts only where it is easier to reach."""

    def threshold(self, metric: str, absolute: float, achieved: float) -> float:
        """The threshold of a metric in decibels, or of an error."""
        if metric in HIGHER_IS_BETTER:
            eased = min(achieved, MOST_DB) - self.decibels
            return eased if self.tightens else min(absolute, eased)
        eased = max(achieved * self.factor, LEAST_PX)
        return eased if self.tightens else max(absolute, eased)


ROOM: dict[str, Room] = {
    "fp32": Room(decibels=12.0, factor=8.0, tightens=True),
    "fp16": Room(decibels=30.0, factor=32.0, tightens=False),
}
"""Column of ``Gate.thresholds`` -> the room of its files. Eight bits have none: what they lose depends on the ranges,
so they are judged by fixed thresholds and by how much of the float model's gain they keep."""
MOST_DB = 160.0
"""No float32 answer is closer to another than by chance."""
LEAST_PX = 1e-5
"""Likewise, of a sigma map."""
