"""The closing table of export and verify, for people and (``summary``) for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from export.check import CHECKED_WITH, NOT_RUN, size_mib
from export.parity import HIGHER_IS_BETTER
from export.recipes import TARGETS
from runtime.records import to_json
from runtime.schema import Artifact, ParityFigure

HEADINGS = ("graph", "format", "precision", "MiB", "worst case against the float reference (gate)", "result")
FORMATS: dict[str, tuple[str, str]] = {
    "psnr_db": ("PSNR", "{:.1f} dB"),
    "residual_snr_db": ("residual", "{:.1f} dB"),
    "mean_px": ("mean", "{:.2g} px"),
    "p99_px": ("p99", "{:.2g} px"),
}
"""Metric -> its short name and how its value is written."""


def worst_figures(figures: Iterable[ParityFigure]) -> dict[str, ParityFigure]:
    """For each metric the figure that is nearest to its gate, or furthest beyond; one that is no number is worst."""
    worst: dict[str, ParityFigure] = {}
    for figure in figures:
        if figure.metric not in worst or _goodness(figure) < _goodness(worst[figure.metric]):
            worst[figure.metric] = figure
    return worst


def table(artifacts: Sequence[Artifact]) -> str:
    """The artefacts as lines of text, with what they were checked with and what could not be checked."""
    rows = [HEADINGS, *(_row(artifact) for artifact in artifacts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if column == 3 else cell.ljust(width) for column, (cell, width)
                 in enumerate(zip(row, widths, strict=False))]  # fmt: skip
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    lines.insert(1, "  ".join(["-" * width for width in widths] + ["-" * len(HEADINGS[-1])]))
    return "\n".join([*lines, "", *_notes(artifacts)])


def summary(artifacts: Sequence[Artifact], **more: Any) -> dict[str, Any]:
    """What the table says and all parity figures, as plain JSON values."""
    return {
        **more,
        "artifacts": [
            {
                "id": artifact.id,
                "graph": artifact.graph,
                "format": artifact.format,
                "precision": artifact.precision,
                "size_mib": round(size_mib(artifact), 4),
                "status": artifact.status,
                "reason": artifact.reason,
                "checked_with": list(CHECKED_WITH[artifact.format]) if artifact.parity else [],
                "parity": to_json(artifact.parity),
            }
            for artifact in artifacts
        ],
        "not_run": _limits(artifacts),
    }


def counts(artifacts: Sequence[Artifact]) -> str:
    """For example "12 passed, 1 failed"; what did not occur is left out."""
    statuses = [artifact.status for artifact in artifacts]
    known = ("passed", "failed", "not run")
    return ", ".join(f"{statuses.count(s)} {s}" for s in known if s in statuses) or "nothing to do"


def _row(artifact: Artifact) -> tuple[str, ...]:
    size = f"{size_mib(artifact):.2f}" if artifact.files else "-"
    figures = ", ".join(_figure(figure) for figure in worst_figures(artifact.parity).values()) or "-"
    result = f"{artifact.status}: {artifact.reason}" if artifact.reason else artifact.status
    return artifact.graph, artifact.format, artifact.precision, size, figures, result


def _figure(figure: ParityFigure) -> str:
    name, pattern = FORMATS[figure.metric]
    sign = ">=" if figure.metric in HIGHER_IS_BETTER else "<="
    value = "none" if figure.value is None else pattern.format(figure.value)
    return f"{name} {value} ({sign} {figure.threshold:g})"


def _notes(artifacts: Sequence[Artifact]) -> list[str]:
    formats = [name for name in TARGETS if any(a.format == name and a.parity for a in artifacts)]
    notes = [f"{name}: saved file run again with {' and '.join(CHECKED_WITH[name])}" for name in formats]
    return [*notes, *_limits(artifacts)]


def _limits(artifacts: Sequence[Artifact]) -> list[str]:
    """What this machine could not check of these formats."""
    return [NOT_RUN] if any(artifact.format == "coreml" for artifact in artifacts) else []


def _goodness(figure: ParityFigure) -> float:
    """How far within its gate a figure is: a difference for decibels, a ratio for errors."""
    if figure.value is None or math.isnan(figure.value):
        return -math.inf
    if figure.metric in HIGHER_IS_BETTER:
        return figure.value - figure.threshold
    return -figure.value / figure.threshold
