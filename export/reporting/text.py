"""The closing table of export and verify, for people and (``summary``) for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tabulate import tabulate

from export.execution.logs import shown_path
from export.formats.table import support_of
from export.recipes.targets import target_name, target_of
from export.verification.artifact import size_mib
from export.verification.gates import HIGHER_IS_BETTER, METRICS
from runtime.manifest.check_records import NegativeControl, ParityFigure
from runtime.manifest.json_codec import to_json
from runtime.manifest.records import Artifact, Pipeline

HEADINGS = ("file", "MiB", "worst case against the float reference (gate)", "result")
FORMATS: dict[str, tuple[str, str]] = {
    "psnr_db": ("PSNR", "{:.1f} dB"),
    "residual_snr_db": ("residual", "{:.1f} dB"),
    "loss_db": ("loss", "{:.2g} dB"),
    "gain_kept": ("gain kept", "{:.3g}"),
    "mean_px": ("mean", "{:.2g} px"),
    "p99_px": ("p99", "{:.2g} px"),
    "loss_px": ("loss", "{:.2g} px"),
    "shift_px": ("shift", "{:.2g} px"),
    "exact_psnr_db": ("exact blur", "{:.1f} dB"),
}
"""Metric -> its short name and how its value is written."""
REPORTED_IF_MISSED = frozenset({"loss_db", "loss_px", "shift_px"})
"""Metrics that the table leaves out while they are within their gates; report and manifest have them all."""


def worst_figures(figures: Iterable[ParityFigure]) -> dict[str, ParityFigure]:
    """For each metric the figure that is nearest to its gate, or furthest beyond; one that is no number is worst."""
    worst: dict[str, ParityFigure] = {}
    for figure in figures:
        if figure.metric not in worst or _goodness(figure) < _goodness(worst[figure.metric]):
            worst[figure.metric] = figure
    return worst


def table(artifacts: Sequence[Artifact], logs: Mapping[str, Path] = MappingProxyType({})) -> str:
    """The artefacts as lines of text, with what they were checked with and what could not be checked.

    Args:
        artifacts: one a row.
        logs: id -> log of one that failed.
    """
    rows = [_row(artifact, logs.get(artifact.id)) for artifact in artifacts]
    lines = tabulate(rows, HEADINGS, disable_numparse=True, colalign=("left", "right", "left", "left"))
    return "\n".join([lines, "", *_notes(artifacts)])


def summary(artifacts: Sequence[Artifact], **more: Any) -> dict[str, Any]:
    """What the table says and all parity figures, as plain JSON values."""
    return {
        **more,
        "artifacts": [
            {
                "id": artifact.id,
                "graph": artifact.graph,
                "format": artifact.format,
                "delegate": artifact.delegate,
                "precision": artifact.precision,
                "size_mib": round(size_mib(artifact), 4),
                "status": artifact.status,
                "reason": artifact.reason,
                "checked_with": checked_with(artifact),
                "parity": to_json(artifact.parity),
            }
            for artifact in artifacts
        ],
        "not_run": limits(artifacts),
    }


def checked_with(artifact: Artifact) -> list[str]:
    """What ran the file."""
    return list(dict.fromkeys(figure.runtime for figure in artifact.parity))


def limits(artifacts: Iterable[Artifact]) -> list[str]:
    """What this machine could not check of these files, and why."""
    targets = dict.fromkeys(target_of(artifact) for artifact in artifacts)
    return list(dict.fromkeys(f"not run: {reason}" for target in targets for reason in support_of(target).not_run))


def pipeline_table(pipelines: Sequence[Pipeline]) -> str:
    """The worst photograph of each set of files that belong together; empty where there is none."""
    rows = []
    for pipeline in pipelines:
        name = f"{target_name(pipeline.backend, pipeline.delegate)}-{pipeline.precision}"
        figures = ", ".join(_figure(figure) for figure in worst_figures(pipeline.parity).values())
        result = pipeline.status
        rows.append((name, f"{pipeline.height_px}x{pipeline.width_px}", figures, result))
    lines = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return f"photograph to refocused picture, through three files\n{lines}" if rows else ""


def describe_controls(controls: Sequence[NegativeControl]) -> str:
    """How many broken files were turned away, and which were not, or not tried; empty where there is none."""
    if not controls:
        return ""
    tried = [control for control in controls if control.tried]
    caught = sum(control.caught for control in tried)
    parts = [f"negative controls: {caught} of {len(tried)} broken files were turned away"]
    for words, names in (
        ("not noticed", [f"{c.name} ({c.artifact})" for c in tried if not c.caught]),
        ("not tried", [f"{c.name} ({c.artifact}: {c.by})" for c in controls if not c.tried]),
    ):
        if names:
            parts.append(f"{words}: {', '.join(names)}")
    return "; ".join(parts)


def describe_logs(artifacts: Sequence[Artifact], logs: Mapping[str, Path]) -> str:
    """Where the logs of what failed are that is no artefact, and so not in ``table``; empty where there is none."""
    others = logs.keys() - {artifact.id for artifact in artifacts}
    return "\n".join(f"log of {name}: {shown_path(logs[name])}" for name in sorted(others))


def counts(artifacts: Sequence[Artifact]) -> str:
    """For example "12 passed, 1 failed"; what did not occur is left out."""
    statuses = [artifact.status for artifact in artifacts]
    known = ("passed", "failed", "not run")
    return ", ".join(f"{statuses.count(s)} {s}" for s in known if s in statuses) or "nothing to do"


def _row(artifact: Artifact, log: Path | None) -> tuple[str, ...]:
    size = f"{size_mib(artifact):.2f}" if artifact.files else "-"
    worst = worst_figures(artifact.parity).values()
    figures = ", ".join(_figure(f) for f in worst if not f.passed or f.metric not in REPORTED_IF_MISSED) or "-"
    result = f"{artifact.status}: {artifact.reason}" if artifact.reason else artifact.status
    return artifact.id, size, figures, result if log is None else f"{result} (log: {shown_path(log)})"


def _figure(figure: ParityFigure) -> str:
    name, pattern = FORMATS[figure.metric]
    sign = ">=" if figure.metric in HIGHER_IS_BETTER else "<="
    unknown = "equal" if figure.passed else "no number"
    value = unknown if figure.value is None else pattern.format(figure.value)
    return f"{name} {value} ({sign} {figure.threshold:g})"


def _notes(artifacts: Sequence[Artifact]) -> list[str]:
    """What ran the files of each target again, and what could not be checked."""
    ran = {target_of(artifact): checked_with(artifact) for artifact in artifacts if artifact.parity}
    return [*(f"{target}: run again with {', '.join(names)}" for target, names in ran.items()), *limits(artifacts)]


def _goodness(figure: ParityFigure) -> float:
    """How far within its gate a figure is: a difference for decibels, a ratio for errors."""
    if figure.value is None:  # the file's record of what is not finite: equal pictures, or no number
        return math.inf if figure.passed else -math.inf
    if math.isnan(figure.value):
        return -math.inf
    if figure.metric in HIGHER_IS_BETTER:
        return figure.value - figure.threshold
    return -figure.value / figure.threshold


assert set(FORMATS) == set(METRICS)
