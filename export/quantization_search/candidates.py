"""The candidates that ``export.search`` tries: a table of settings for each format."""

from __future__ import annotations

from dataclasses import dataclass

from export.formats.table import support_of
from train.quantization.settings import NARROW, Int8Settings


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to quantise one graph for one format."""

    graph: str
    format: str
    fine_tuned: bool
    """Whether of the weights fine-tuned for int8 (``train.qat``); else of the checkpoint's own."""
    settings: Int8Settings

    @property
    def name(self) -> str:
        """What sets it apart, in a few words."""
        first = self.settings.float_first_convs[0]
        parts = [
            "fine-tuned" if self.fine_tuned else "own weights",
            "per channel" if self.settings.per_channel else "per tensor",
            self.settings.ranges,
            *([f"first {first} float"] if first else []),
            *(["head float"] if self.settings.float_head else []),
        ]
        return ", ".join(parts)


def candidates(graph: str, format_: str) -> tuple[Candidate, ...]:
    """What is tried for a graph and a format, in order: every way to find ranges, then every other idea with the best.

    Ranges decide most: a step of eight bits is as fine as they are narrow.
    """
    changes: list[Int8Settings] = [Int8Settings(ranges=ranges) for ranges in support_of(format_).int8_ranges]
    changes += [Int8Settings(per_channel=False, ranges=NARROW), Int8Settings(float_head=True, ranges=NARROW)]
    changes += [Int8Settings(float_first_convs=(n,), float_head=True, ranges=NARROW) for n in (1, 2, 3)]
    own = [Int8Settings(), Int8Settings(ranges=NARROW)]
    return (
        *(Candidate(graph=graph, format=format_, fine_tuned=True, settings=settings) for settings in changes),
        *(Candidate(graph=graph, format=format_, fine_tuned=False, settings=settings) for settings in own),
    )
