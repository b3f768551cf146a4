"""The parts of the report about the files themselves: what there is, how large, what runs it, made by what."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from export.reporting.names import (
    BarRow,
    FileName,
    bar,
    brief_words,
    by_graph,
    file_name,
    listed,
    metric_name,
    short_name,
)
from export.reporting.rendering import Section
from export.reporting.text import counts, limits, worst_figures
from export.verification.artifact import size_mib
from runtime.manifest.check_records import DelegateCoverage
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact


@dataclass(frozen=True, kw_only=True)
class File:
    """A row of the first table."""

    name: FileName
    size_mib: str
    status: str
    reason: str
    log: str
    """Name of its log; empty where there is none."""
    worst: str
    """The worst figure of each metric."""


@dataclass(frozen=True, kw_only=True)
class FilesOfGraph:
    """The files of one graph."""

    title: str
    files: list[File]


@dataclass(frozen=True, kw_only=True)
class SizesOfGraph:
    """Sizes of the files of one graph."""

    title: str
    rows: list[BarRow]


@dataclass(frozen=True, kw_only=True)
class Delegate:
    """What one delegate takes of one file."""

    name: FileName
    delegate: str
    method: str
    subgraphs: int
    operators: str
    multiplications: str
    outside: str


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Every operator of a file, the same whoever runs it."""

    name: FileName
    count: int
    operators: str


@dataclass(frozen=True, kw_only=True)
class CoverageOfGraph:
    """What runs the files of one graph."""

    title: str
    delegates: list[Delegate]
    histograms: list[Histogram]


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """What nothing here could show, and the logs of what failed besides artefacts."""

    reasons: list[str]
    logs: list[str]


def files(manifest: Manifest, logs: Container[str] = ()) -> Section:
    """One row for each artefact, graph by graph; ``logs`` has the names of those whose log lies beside the page."""
    sizes_px = ", ".join(f"{size.height_px}x{size.width_px}" for size in manifest.sizes)
    return Section(
        title="Files",
        note=f"Sizes of the tensors, height x width: {sizes_px}; files of the first one do not name it.",
        template="files.html",
        content=[
            FilesOfGraph(title=f"{graph}: {counts(artifacts)}", files=[_file(a, logs) for a in artifacts])
            for graph, artifacts in by_graph(manifest).items()
        ],
    )


def sizes(manifest: Manifest) -> Section:
    """The files' sizes as bars."""
    largest = max((size_mib(artifact) for artifact in manifest.artifacts if artifact.files), default=1.0)
    return Section(
        title="Sizes",
        note="All files of an artefact together; one scale for all graphs.",
        template="sizes.html",
        content=[
            SizesOfGraph(title=graph, rows=[_size(artifact, largest) for artifact in artifacts if artifact.files])
            for graph, artifacts in by_graph(manifest).items()
        ],
    )


def coverage(manifest: Manifest) -> Section | None:
    """What each delegate takes, and the operators of each file; None where the manifest does not say."""
    if not any(artifact.coverage for artifact in manifest.artifacts):
        return None
    note = (
        "What each delegate takes of a file. Measured: the file or the runtime here says so. Predicted: allow-lists "
        "and rules say so, and only the device can tell."
    )
    content = [
        CoverageOfGraph(
            title=graph,
            delegates=[_delegate(artifact, part) for artifact in artifacts for part in artifact.coverage],
            histograms=[_histogram(artifact, part) for artifact in artifacts for part in artifact.coverage[:1]],
        )
        for graph, artifacts in by_graph(manifest).items()
    ]
    return Section(title="Coverage", note=note, template="coverage.html", content=content)


def tools(manifest: Manifest) -> Section:
    """Versions of what took part."""
    note = "What made the files, and what ran them again."
    return Section(title="Tools", note=note, template="tools.html", content=manifest.tools)


def not_run(manifest: Manifest, logs: Iterable[str] = ()) -> Section:
    """What nothing here could show, with the reasons."""
    reasons = [f"{a.id}: {a.reason}" for a in manifest.artifacts if a.status == "not run"]
    reasons += [limit.removeprefix("not run: ") for limit in limits(manifest.artifacts)]
    others = sorted({*logs} - {artifact.id for artifact in manifest.artifacts})
    return Section(
        title="Not run",
        note="What this machine could not check, and why.",
        template="not_run.html",
        content=NotRun(reasons=reasons, logs=others),
    )


def _file(artifact: Artifact, logs: Container[str]) -> File:
    return File(
        name=file_name(artifact),
        size_mib=f"{size_mib(artifact):.2f}" if artifact.files else "-",
        status=artifact.status,
        reason=artifact.reason,
        log=artifact.id if artifact.id in logs else "",
        worst=listed(f"{metric_name(f.metric)} {brief_words(f)}" for f in worst_figures(artifact.parity).values()),
    )


def _size(artifact: Artifact, largest: float) -> BarRow:
    words = f"{size_mib(artifact):.2f} MiB"
    share = bar(size_mib(artifact) / largest, None, f"{short_name(artifact)}: {words}")
    return BarRow(name=file_name(artifact), bar=share, words=words)


def _delegate(artifact: Artifact, part: DelegateCoverage) -> Delegate:
    inside, outside = sum(part.inside.values()), sum(part.outside.values())
    total = part.multiplications_inside + part.multiplications_outside
    return Delegate(
        name=file_name(artifact),
        delegate=part.delegate,
        method=part.method,
        subgraphs=part.subgraphs,
        operators=f"{inside} of {inside + outside}",
        multiplications=f"{part.multiplications_inside / total:.1%}" if total else "-",
        outside=listed(f"{op} x {count}" for op, count in part.outside.items()),
    )


def _histogram(artifact: Artifact, part: DelegateCoverage) -> Histogram:
    both = {op: part.inside.get(op, 0) + part.outside.get(op, 0) for op in (*part.inside, *part.outside)}
    often = sorted(both.items(), key=lambda item: -item[1])
    return Histogram(
        name=file_name(artifact), count=sum(both.values()), operators=listed(f"{op} x {count}" for op, count in often)
    )
