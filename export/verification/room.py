"""Thresholds that go by what the float model itself reaches, see ``export.verification.achievable``."""

from __future__ import annotations

from dataclasses import dataclass

from export.recipes.targets import NETWORKS
from export.verification.metrics import HIGHER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Room:
    """How far beyond the float model's own figure in an arithmetic a sound file of that arithmetic may be.

    Processors and compilers sum in other orders, and a look-up table of a Neural Engine is not what rounding is.
    """

    decibels: float
    """Below the float model's own figure; negative where a file must do better than what stands there."""
    factor: float
    tightens: bool
    """Whether the figure replaces the absolute threshold, or counts only where it is easier to reach."""
    of: str = "what the float model itself reaches in this arithmetic"
    """The figure, for people."""
    graphs: tuple[str, ...] = (*NETWORKS, "fused")
    """Where there is such a figure."""

    def threshold(self, metric: str, absolute: float, achieved: float) -> float:
        """The threshold of a metric in decibels, or of an error."""
        if metric in HIGHER_IS_BETTER:
            eased = min(achieved, MOST_DB) - self.decibels
            return eased if self.tightens else min(absolute, eased)
        eased = max(achieved * self.factor, LEAST_PX)
        return eased if self.tightens else max(absolute, eased)

    def condition(self, metric: str) -> str:
        """What moves the threshold of a metric, for people."""
        beyond = f"{abs(self.decibels):g} dB" if metric in HIGHER_IS_BETTER else f"{self.factor:g} times"
        side = "above" if self.decibels < 0 else "beyond"
        when = "where that is known" if self.tightens else "where that is easier to reach"
        return f"or by {beyond} {side} {self.of}, {when}"


ROOM: dict[str, Room] = {
    "fp32": Room(decibels=12.0, factor=8.0, tightens=True),
    "fp16": Room(decibels=30.0, factor=32.0, tightens=False),
    "int8": Room(decibels=-1.0, factor=1.0, tightens=False, of="what the photograph itself is", graphs=("deblur",)),
}
"""Column of ``Gate.thresholds`` -> the room of its files. What eight bits lose goes with the size of what a network
adds, so where a picture is changed much (noise: far from the ranges of photographs, it clips) a file need only be
closer to the float model's answer than the photograph is. Where blur counts, ``residual_snr_db`` asks more."""
MOST_DB = 160.0
"""No float32 answer is closer to another than by chance."""
LEAST_PX = 1e-5
"""Likewise, of a sigma map."""
