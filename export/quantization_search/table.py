"""The table of a search, in markdown."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from tabulate import tabulate

from export.quantization_search.selection import EQUAL_SIZE, EQUAL_SPEED, LEAST_MARGIN, margin, worst
from export.quantization_search.trial import Trial
from export.recipes.tool_versions import cpuinfo, tool_versions

TOOLS = ("ai-edge-quantizer", "ai-edge-litert", "litert-torch", "executorch", "torchao", "onnxruntime", "torch")
HEADINGS = ("", "candidate", "size", "speed", "to spare", "tightest gate")
HEADER = """# How int8 is done: the candidates

Written by `python -m export.search`. One candidate a row: weights, their scales, how ranges are found, and what stays
float beyond what always does. The chosen one is marked with **>**: of those with fine-tuned weights that leave at least
{margin:.0%} of the error that their tightest gate allows, the smallest; of those within {size:.0%} of its size, the
fastest; of those within {speed:.0%} of its speed, the one that leaves most. The checkpoint's own weights are there to
compare with.

Size and speed are relative to the float file of the same format, as `export.all` writes it: bytes of int8 / bytes of
float, and processor time of float / processor time of int8, both on one thread, in turns, median of {rounds} rounds
(and the quartiles). "To spare" is the share of the allowed error that the tightest gate leaves.

{image_size} pixels, {machine}, {tools}.
"""


def table_of(groups: Sequence[Sequence[Trial]], chosen: Sequence[Trial | None], size: str, rounds: int) -> str:
    """All candidates with their figures.

    Args:
        groups: the trials of each graph and format.
        chosen: of each group.
        size: of the graphs' tensors, for people.
        rounds: of timing.
    """
    versions = ", ".join(f"{name} {version}" for name, version in tool_versions(dict.fromkeys(TOOLS)).items())
    parts = [
        HEADER.format(
            margin=LEAST_MARGIN,
            size=EQUAL_SIZE - 1.0,
            speed=EQUAL_SPEED - 1.0,
            rounds=rounds,
            image_size=size,
            machine=processor(),
            tools=versions,
        )
    ]
    for group, best in zip(groups, chosen, strict=True):
        first = group[0].candidate
        parts.append(f"## {first.graph}, {first.format}\n")
        rows = [_row(trial, trial is best) for trial in group]
        parts.append(tabulate(rows, HEADINGS, tablefmt="pipe", disable_numparse=True))
        parts.append("" if best else "\nNo candidate passes its gates.\n")
    return "\n".join(parts)


def processor() -> str:
    """Maker, family and model of this machine's processor."""
    found = cpuinfo()
    name = found.get("model name") or platform.processor() or platform.machine()
    return f"{name} (family {found['cpu family']}, model {found['model']})" if "cpu family" in found else name


def _row(trial: Trial, is_chosen: bool) -> tuple[str, ...]:
    mark = "**>**" if is_chosen else ""
    if trial.failure:
        return mark, trial.candidate.name, "", "", "failed", trial.failure
    low, high = trial.speedup_quartiles
    size = f"{trial.size_bytes / trial.float_size_bytes:.3f}"
    speed = f"{trial.speedup:.2f} ({low:.2f} to {high:.2f})"
    return mark, trial.candidate.name, size, speed, f"{margin(trial):.0%}", worst(trial)
