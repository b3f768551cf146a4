"""The report's figures: how closely each file follows the float model, the gates, and the whole chain."""

from __future__ import annotations

import math
from dataclasses import dataclass

from export.reporting.names import (
    Bar,
    BarRow,
    FileName,
    bar,
    by_graph,
    figure_words,
    file_name,
    listed,
    metric_name,
    pipeline_name,
    rule_words,
    short_name,
    value_of,
)
from export.reporting.rendering import Section
from export.reporting.text import worst_figures
from export.verification.gates import HIGHER_IS_BETTER
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Pipeline

FULL_BAR_DB = 150.0
"""Decibels of a bar that fills its track: about what float32 can say."""
FULL_BAR_THRESHOLDS = 1.5
"""Thresholds of an error's bar that fills its track."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric's bars, the files one below the other."""

    title: str
    rows: list[BarRow]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate: the cases and precisions it is asked of, and the figure nearest to it."""

    gate: str
    cases: str
    precisions: str
    margin: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of one file."""

    name: FileName
    metric: str
    words: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class GraphParity:
    """How the files of one graph follow the float model."""

    title: str
    is_failing: bool
    metrics: list[Metric]
    gates: list[Gate]
    figures: list[Figure]


@dataclass(frozen=True, kw_only=True)
class PipelineParity:
    """A photograph refocused through three files, against the float networks."""

    files: str
    size: str
    gates: list[str]
    worst: list[str]
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Of each graph, then of whole pipelines; none of those where nobody looked."""

    graphs: list[GraphParity]
    pipelines: list[PipelineParity]


def parity(manifest: Manifest) -> Section:
    """For each graph the worst case of each metric as a bar, its gates and all figures; then the whole chain."""
    note = (
        "The saved file, loaded and run again, against the float model: its worst case. The line is the threshold: "
        "decibels must reach it, errors must stay short of it. A full bar is "
        f"{FULL_BAR_DB:g} dB, or {FULL_BAR_THRESHOLDS:g} times the threshold."
    )
    content = Parity(
        graphs=[_graph(graph, artifacts) for graph, artifacts in by_graph(manifest).items()],
        pipelines=[_pipeline(pipeline) for pipeline in manifest.pipelines if pipeline.parity],
    )
    return Section(title="Parity", note=note, template="parity.html", content=content)


def _graph(graph: str, artifacts: list[Artifact]) -> GraphParity:
    figures = [
        Figure(
            name=file_name(artifact),
            metric=metric_name(figure.metric),
            words=figure_words(figure),
            passed=figure.passed,
        )
        for artifact in artifacts
        for figure in artifact.parity
    ]
    return GraphParity(
        title=graph,
        is_failing=not all(figure.passed for figure in figures),
        metrics=_metrics(artifacts),
        gates=_gates(artifacts),
        figures=figures,
    )


def _metrics(artifacts: list[Artifact]) -> list[Metric]:
    worst = [(artifact, figure) for artifact in artifacts for figure in worst_figures(artifact.parity).values()]
    return [
        Metric(
            title=metric_name(metric),
            rows=[
                BarRow(name=file_name(artifact), bar=_bar(figure), words=figure_words(figure))
                for artifact, figure in worst
                if figure.metric == metric
            ],
        )
        for metric in dict.fromkeys(figure.metric for _, figure in worst)
    ]


def _bar(figure: ParityFigure) -> Bar:
    decibels = figure.metric in HIGHER_IS_BETTER
    full = FULL_BAR_DB if figure.metric.endswith("_db") and decibels else FULL_BAR_THRESHOLDS * figure.threshold
    value = figure.value
    if value is None or not math.isfinite(value):
        value = full if figure.passed == decibels else 0.0
    label = f"{metric_name(figure.metric)} {figure_words(figure)}"
    return bar(value / full, figure.threshold / full, label, good=figure.passed)


def _gates(artifacts: list[Artifact]) -> list[Gate]:
    """One for each threshold of a metric."""
    asked = [(_limit_of(rule), artifact, rule) for artifact in artifacts for rule in artifact.gates]
    figures = [(artifact, figure) for artifact in artifacts for figure in artifact.parity]
    gates = []
    for limit in dict.fromkeys(limit for limit, _, _ in asked):
        own = [(artifact, rule) for known, artifact, rule in asked if known == limit]
        judged = [(artifact, figure) for artifact, figure in figures if (figure.metric, figure.threshold) == limit]
        margin, where = "-", "-"
        if judged:
            artifact, figure = min(judged, key=lambda pair: _margin(pair[1]))
            margin = "-" if figure.margin is None else value_of(figure.metric, figure.margin)
            where = ", ".join(filter(None, (short_name(artifact), figure.case, figure.runtime)))
        gates.append(
            Gate(
                gate=rule_words(own[0][1]),
                cases=listed(dict.fromkeys(rule.case or "every case" for _, rule in own)),
                precisions=listed(dict.fromkeys(artifact.precision for artifact, _ in own)),
                margin=margin,
                where=where,
            )
        )
    return gates


def _limit_of(rule: GateRule) -> tuple[str, float]:
    return rule.metric, rule.threshold


def _margin(figure: ParityFigure) -> float:
    """For sorting: a figure that is no number is beyond any gate, equal pictures are within any."""
    if figure.margin is None:
        return math.inf if figure.passed else -math.inf
    return figure.margin


def _pipeline(pipeline: Pipeline) -> PipelineParity:
    return PipelineParity(
        files=pipeline_name(pipeline),
        size=f"{pipeline.height_px}x{pipeline.width_px}",
        gates=list(dict.fromkeys(rule_words(rule) for rule in pipeline.gates)),
        worst=[figure_words(figure) for figure in worst_figures(pipeline.parity).values()],
        passed=all(figure.passed for figure in pipeline.parity),
    )
