"""How a graph is quantised to int8: what stays float and where the ranges come from."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.system.errors import ReblurError

NARROW = "percentile-99.99"
"""The ranges that decide most: a step of eight bits is as fine as they are narrow."""
RANGES = ("min-max", "moving-average", NARROW, "percentile-99.9", "mse", "entropy")
"""Ways to set the range of an activation:

min-max         the smallest and largest value over all samples
moving-average  of the samples' smallest and largest values
percentile-P    the largest range over the samples that leaves out (100 - P) % of the values at either end
mse             the range whose rounding and clipping errors together are smallest (ExecuTorch)
entropy         the range whose histogram diverges least from that of the float values (ONNX)
"""


@dataclass(frozen=True, kw_only=True)
class Int8Settings:
    """Everything that the quantisers are told besides the graph and the samples."""

    float_first_convs: tuple[int, ...] = (0,)
    """For each network of the graph, in order: convolutions at its start that stay float."""
    float_head: bool = False
    """Whether the networks' last convolutions stay float, too."""
    per_channel: bool = True
    """Whether each output channel of the weights has a scale of its own; else all of a convolution share one."""
    ranges: str = "min-max"
    """One of ``RANGES``."""

    def __post_init__(self) -> None:
        if self.ranges not in RANGES:
            raise ReblurError(f"no range estimator {self.ranges!r}: choose from {', '.join(RANGES)}")
        if any(count < 0 for count in self.float_first_convs):
            raise ReblurError(f"float_first_convs should be at least 0, got {self.float_first_convs}")


def percentile_of(ranges: str) -> float | None:
    """The fraction of values below the upper bound, for example 0.999 for "percentile-99.9"; None for other ways."""
    kind, _, percent = ranges.partition("-")
    return float(percent) / 100.0 if kind == "percentile" else None
