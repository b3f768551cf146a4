"""How the report names files and writes figures: short, and the same in every section."""

from __future__ import annotations

from collections.abc import Iterable

from export.reporting.html import badge, text
from export.reporting.text import FORMATS
from export.verification.gates import HIGHER_IS_BETTER
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Pipeline

SIGNS = {"at least": "\u2265", "at most": "\u2264"}


def by_graph(manifest: Manifest) -> dict[str, list[Artifact]]:
    """The artefacts of each graph that has any."""
    found = {graph: [a for a in manifest.artifacts if a.graph == graph] for graph in manifest.graphs}
    return {graph: artifacts for graph, artifacts in found.items() if artifacts}


def short_name(artifact: Artifact) -> str:
    """The id without its graph, under whose heading it stands: as ``--recipes`` takes it."""
    return artifact.id.removeprefix(f"{artifact.graph}-")


def name_cell(artifact: Artifact) -> str:
    """The short name as HTML, with a mark where nothing should depend on the file."""
    mark = f" {badge('experimental')}" if artifact.experimental else ""
    return f"{text(short_name(artifact))}{mark}"


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
    """Comma-separated, as HTML; a dash for none."""
    return text(", ".join(map(str, items))) or "-"
