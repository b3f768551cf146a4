"""Whether a file still answers as it did when its export was checked: each figure against the manifest's.

A gate must let every sound file pass, so it lets a somewhat damaged one pass, too. What was measured once tells more:
the same file in the same runtime on the same kind of processor has the same figures, and on another one nearly so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from export.recipes.tool_versions import processor, tool_versions
from export.verification.artifact import GOLDEN_PIXELS
from export.verification.gates import PRECISION_CLASS
from runtime.manifest.check_records import ParityFigure
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far a figure may be from the earlier one."""

    decibels: float
    """Of metrics in decibels."""
    factor: float
    """Of errors: the larger one over the smaller one."""
    least_px: float = 1e-5
    """Errors below it are all alike."""


SAME_KERNELS: dict[str, Agreement] = {
    "fp32": Agreement(decibels=6.0, factor=4.0),
    "fp16": Agreement(decibels=0.1, factor=1.02),
    "int8": Agreement(decibels=0.05, factor=1.01),
}
"""Column of ``Gate.thresholds`` -> agreement where tools and processor are those of the export. What is left of a
float32 file's error is the order of its sums, which the number of threads may change."""
OTHER_KERNELS: dict[str, Agreement] = {
    "fp32": Agreement(decibels=12.0, factor=8.0),
    "fp16": Agreement(decibels=6.0, factor=2.0, least_px=1e-3),
    "int8": Agreement(decibels=1.5, factor=1.3, least_px=1e-3),
}
"""Likewise, where a tool or the processor is another one."""
SMALL: dict[str, float] = {"loss_db": 0.02, "loss_px": 0.002, "gain_kept": 0.01, "shift_px": 0.01}
"""Metric that may be near zero or of either sign -> how far it may be off, the same kernels or not; five times as far
with others."""
OTHER_SMALL = 5.0
NEARLY_EQUAL_DB = 140.0
"""Beyond it another order of sums may make two answers equal."""


def has_same_kernels(artifact: Artifact, manifest: Manifest) -> bool:
    """Whether what ran the file when it was exported is what runs it here."""
    packages = [name for name, version in artifact.tool.items() if version != "not installed"]
    now = tool_versions(packages)
    same_tools = all(now[name] in (artifact.tool[name], "not installed") for name in packages)
    return same_tools and manifest.tools.get("processor") == processor()


def first_difference(
    precision: str, earlier: Sequence[ParityFigure], now: Sequence[ParityFigure], *, same_kernels: bool
) -> str:
    """The first figure that is not what it was, in a sentence; empty where all agree.

    Today's are of the golden vectors' pixels, so they are held against the earlier ones of those.

    Args:
        precision: of the file.
        earlier: figures of the export; those of runtimes that are not here do not count.
        now: figures of today.
        same_kernels: see ``has_same_kernels``.
    """
    column = PRECISION_CLASS[precision]
    agreement = (SAME_KERNELS if same_kernels else OTHER_KERNELS)[column]
    known = {(figure.case, figure.metric, figure.runtime): figure for figure in earlier}
    for figure in now:
        names = (f"{figure.case}{GOLDEN_PIXELS}", figure.case)
        before = next((known[key] for name in names if (key := (name, figure.metric, figure.runtime)) in known), None)
        if before is not None and not _agree(figure, before, agreement, same_kernels):
            return (
                f"{figure.metric} on {figure.case} ({figure.runtime}) is {_told(figure)}, it was {_told(before)} when "
                "the file was exported: this is not that file, or its runtime computes otherwise"
            )
    return ""


def with_difference(artifact: Artifact, earlier: Artifact, *, same_kernels: bool) -> Artifact:
    """An artefact that passed its gates, marked as failed where its figures are not the earlier ones."""
    difference = first_difference(artifact.precision, earlier.parity, artifact.parity, same_kernels=same_kernels)
    return dataclasses.replace(artifact, status="failed", reason=difference) if difference else artifact


def _agree(now: ParityFigure, before: ParityFigure, agreement: Agreement, same_kernels: bool) -> bool:
    if now.value is None or before.value is None:
        return now.value is before.value or _is_as_good_as_equal(now) or _is_as_good_as_equal(before)
    if now.metric in SMALL:
        return abs(now.value - before.value) <= SMALL[now.metric] * (1.0 if same_kernels else OTHER_SMALL)
    if now.metric.endswith("_db"):
        return abs(now.value - before.value) <= agreement.decibels
    smaller, larger = sorted(max(value, agreement.least_px) for value in (now.value, before.value))
    return larger <= smaller * agreement.factor


def _is_as_good_as_equal(figure: ParityFigure) -> bool:
    if figure.value is None or not figure.metric.endswith("_db"):
        return False
    return figure.value >= NEARLY_EQUAL_DB


def _told(figure: ParityFigure) -> str:
    if figure.value is None or not math.isfinite(figure.value):
        return "equal" if figure.passed else "no number"
    return f"{figure.value:.4g}"
