"""The report's figures: how closely each file follows the float model, the gates, and the whole chain."""

from __future__ import annotations

import math
from collections.abc import Iterable

from export.reporting.html import bar, group, section, status, table, text
from export.reporting.names import (
    by_graph,
    figure_words,
    listed,
    metric_name,
    name_cell,
    pipeline_name,
    rule_words,
    short_name,
    value_of,
)
from export.reporting.text import worst_figures
from export.verification.gates import HIGHER_IS_BETTER
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact

FULL_BAR_DB = 150.0
"""Decibels of a bar that fills its track: about what float32 can say."""
FULL_BAR_THRESHOLDS = 1.5
"""Thresholds of an error's bar that fills its track."""


def parity(manifest: Manifest) -> str:
    """For each graph the worst case of each metric as a bar, its gates and all figures; then the whole chain."""
    parts: list[str] = []
    for graph, artifacts in by_graph(manifest).items():
        content = "\n".join([_bars(artifacts), group("Gates", _gates(artifacts)), _all_figures(artifacts)])
        failing = any(not figure.passed for artifact in artifacts for figure in artifact.parity)
        parts.append(group(graph, content, is_open=failing or not parts))
    note = (
        "The saved file, loaded and run again, against the float model: its worst case. The line is the threshold: "
        "decibels must reach it, errors must stay short of it. A full bar is "
        f"{FULL_BAR_DB:g} dB, or {FULL_BAR_THRESHOLDS:g} times the threshold."
    )
    return section("Parity", note, "\n".join([*parts, _pipelines(manifest)]))


def _bars(artifacts: list[Artifact]) -> str:
    """For each metric the files one below the other."""
    worst = [(artifact, figure) for artifact in artifacts for figure in worst_figures(artifact.parity).values()]
    parts = []
    for metric in dict.fromkeys(figure.metric for _, figure in worst):
        rows = [
            f"<span>{name_cell(artifact)}</span>{_bar(figure)}"
            f'<span class="{"passed" if figure.passed else "failed"}">{text(figure_words(figure))}</span>'
            for artifact, figure in worst
            if figure.metric == metric
        ]
        parts.append(f'<h3>{text(metric_name(metric))}</h3>\n<div class="bars">\n{chr(10).join(rows)}\n</div>')
    return "\n".join(parts)


def _bar(figure: ParityFigure) -> str:
    decibels = figure.metric in HIGHER_IS_BETTER
    full = FULL_BAR_DB if figure.metric.endswith("_db") and decibels else FULL_BAR_THRESHOLDS * figure.threshold
    value = figure.value
    if value is None or not math.isfinite(value):
        value = full if figure.passed == decibels else 0.0
    return bar(
        value / full,
        figure.threshold / full,
        f"{metric_name(figure.metric)} {figure_words(figure)}",
        good=figure.passed,
    )


def _gates(artifacts: list[Artifact]) -> str:
    """One row for each gate of a graph: the cases and precisions it is asked of, and the figure nearest to it."""
    asked = [(_limit_of(rule), artifact, rule) for artifact in artifacts for rule in artifact.gates]
    figures = [(artifact, figure) for artifact in artifacts for figure in artifact.parity]
    rows = []
    for limit in dict.fromkeys(limit for limit, _, _ in asked):
        own = [(artifact, rule) for known, artifact, rule in asked if known == limit]
        judged = [(artifact, figure) for artifact, figure in figures if (figure.metric, figure.threshold) == limit]
        margin, where = "-", "-"
        if judged:
            artifact, figure = min(judged, key=lambda pair: _margin(pair[1]))
            margin = "-" if figure.margin is None else value_of(figure.metric, figure.margin)
            where = ", ".join(filter(None, (short_name(artifact), figure.case, figure.runtime)))
        cases = dict.fromkeys(rule.case or "every case" for _, rule in own)
        precisions = dict.fromkeys(artifact.precision for artifact, _ in own)
        rows.append((text(rule_words(own[0][1])), listed(cases), listed(precisions), margin, text(where)))
    headings = ("gate", "asked of", "precision", "smallest margin", "where")
    return table(headings, rows, numbers=(3,))


def _limit_of(rule: GateRule) -> tuple[str, float]:
    return rule.metric, rule.threshold


def _margin(figure: ParityFigure) -> float:
    """For sorting: a figure that is no number is beyond any gate, equal pictures are within any."""
    if figure.margin is None:
        return math.inf if figure.passed else -math.inf
    return figure.margin


def _all_figures(artifacts: Iterable[Artifact]) -> str:
    rows = [
        (
            name_cell(artifact),
            text(metric_name(figure.metric)),
            text(figure_words(figure)),
            status("passed" if figure.passed else "failed"),
        )
        for artifact in artifacts
        for figure in artifact.parity
    ]
    return group(f"All {len(rows)} figures", table(("file", "metric", "figure", "result"), rows))


def _pipelines(manifest: Manifest) -> str:
    """The photograph refocused through three files, against the float networks; empty where nobody looked."""
    judged = [pipeline for pipeline in manifest.pipelines if pipeline.parity]
    if not judged:
        return ""
    rows = []
    for pipeline in judged:
        passed = all(figure.passed for figure in pipeline.parity)
        rows.append(
            (
                text(pipeline_name(pipeline)),
                f"{pipeline.height_px}x{pipeline.width_px}",
                "<br>".join(dict.fromkeys(text(rule_words(rule)) for rule in pipeline.gates)) or "-",
                "<br>".join(text(figure_words(figure)) for figure in worst_figures(pipeline.parity).values()),
                status("passed" if passed else "failed"),
            )
        )
    content = table(("files", "size", "gate", "worst photograph", "result"), rows)
    return group("Whole chain: from a photograph to the refocused picture, through three files", content, is_open=True)
