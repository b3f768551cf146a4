"""How the report names files and writes figures: short, and the same in every section."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from export.reporting.text import FORMATS
from export.verification.gates import HIGHER_IS_BETTER
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Pipeline

SIGNS = {"at least": "\u2265", "at most": "\u2264"}


@dataclass(frozen=True, kw_only=True)
class FileName:
    """Of an artefact, under the heading of its graph."""

    text: str
    experimental: bool
    """Whether nothing should depend on the file."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A length, and what it is measured by."""

    length: float
    """Percent of the track."""
    mark: float | None
    """Percent of the track where a line stands across it; None for no line."""
    label: str
    """What it says, for readers that do not see it."""
    good: bool = True
    """Whether it is on the right side of the mark."""


@dataclass(frozen=True, kw_only=True)
class BarRow:
    """A file's bar between its name and what the bar says."""

    name: FileName
    bar: Bar
    words: str


def bar(share: float, mark: float | None, label: str, *, good: bool = True) -> Bar:
    """A bar of a share of its track, 0 to 1, like its mark; what is beyond ends with the track."""
    length = 100.0 * min(max(share, 0.0), 1.0)
    return Bar(length=length, mark=None if mark is None else 100.0 * mark, label=label, good=good)


def by_graph(manifest: Manifest) -> dict[str, list[Artifact]]:
    """The artefacts of each graph that has any."""
    found = {graph: [a for a in manifest.artifacts if a.graph == graph] for graph in manifest.graphs}
    return {graph: artifacts for graph, artifacts in found.items() if artifacts}


def short_name(artifact: Artifact) -> str:
    """The id without its graph, under whose heading it stands: as ``--recipes`` takes it."""
    return artifact.id.removeprefix(f"{artifact.graph}-")


def file_name(artifact: Artifact) -> FileName:
    """The short name, and whether it needs a mark."""
    return FileName(text=short_name(artifact), experimental=artifact.experimental)


def pipeline_name(pipeline: Pipeline) -> str:
    """What the files of a pipeline have in common."""
    delegate = pipeline.delegate if pipeline.delegate != "xnnpack" else ""
    return "-".join(filter(None, (pipeline.backend, delegate, pipeline.precision)))


def metric_name(metric: str) -> str:
    """Of a metric, for people."""
    return FORMATS[metric][0] if metric in FORMATS else metric


def value_of(metric: str, value: float) -> str:
    """A figure with its unit."""
    return FORMATS[metric][1].format(value) if metric in FORMATS else f"{value:.3g}"


def brief_words(figure: ParityFigure) -> str:
    """A figure with its threshold."""
    sign = SIGNS["at least" if figure.metric in HIGHER_IS_BETTER else "at most"]
    value = "equal" if figure.passed else "no number"
    value = value if figure.value is None else value_of(figure.metric, figure.value)
    return f"{value} {sign} {figure.threshold:g}"


def figure_words(figure: ParityFigure) -> str:
    """A figure with its threshold, its margin, its case and what ran the file."""
    margin = "" if figure.margin is None else f", margin {figure.margin:.3g}"
    where = ", ".join(filter(None, (figure.case, figure.runtime)))
    return f"{brief_words(figure)}{margin} ({where})"


def rule_words(rule: GateRule) -> str:
    """A gate."""
    return f"{metric_name(rule.metric)} {SIGNS[rule.bound]} {rule.threshold:g}"


def listed(items: Iterable[object]) -> str:
    """Comma-separated; a dash for none."""
    return ", ".join(map(str, items)) or "-"
