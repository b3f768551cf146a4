"""The parts of the report that the manifest alone tells: table, parity, sizes, coverage, matrix, tools, not run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from export.check import NOT_RUN, size_mib
from export.parity import HIGHER_IS_BETTER
from export.report_html import bar, section, status, table, text
from export.table import FORMATS, worst_figures
from runtime.manifest import Manifest
from runtime.schema import Artifact, DelegateCoverage, MatrixCell, ParityFigure

FULL_BAR_DB = 150.0
"""Decibels of a bar that fills its track: about what float32 can say."""
FULL_BAR_THRESHOLDS = 1.5
"""Thresholds of an error's bar that fills its track."""


def overview(manifest: Manifest) -> str:
    """One row for each artefact."""
    rows = [
        (
            text(artifact.graph),
            text(artifact.format),
            text(artifact.precision),
            f"{size_mib(artifact):.2f}" if artifact.files else "-",
            status(artifact.status, artifact.reason),
            "<br>".join(text(_words(figure)) for figure in worst_figures(artifact.parity).values()) or "-",
        )
        for artifact in manifest.artifacts
    ]
    headings = ("graph", "format", "precision", "MiB", "result", "worst case against the float model")
    return section(
        "Files",
        f"Every file takes and gives {manifest.height_px}x{manifest.width_px} pixels.",
        table(headings, rows, numbers=(3,)),
    )


def parity(manifest: Manifest) -> str:
    """The worst case of each metric as a bar, with its threshold."""
    parts = []
    for graph in manifest.graphs:
        rows = [
            f"<span>{text(f'{a.format} {a.precision}, {FORMATS[f.metric][0]}')}</span>{_parity_bar(f)}"
            f'<span class="{"passed" if f.passed else "failed"}">{text(_words(f))}</span>'
            for a in manifest.artifacts
            if a.graph == graph
            for f in worst_figures(a.parity).values()
        ]
        parts.append(f'<h3>{text(graph)}</h3>\n<div class="bars">\n{chr(10).join(rows)}\n</div>')
    return section(
        "Parity",
        "The saved file, loaded and run again, against the float model: its worst case. The line is the threshold: "
        "decibels must reach it, errors in pixels must stay short of it. A full bar is "
        f"{FULL_BAR_DB:g} dB, or {FULL_BAR_THRESHOLDS:g} times the threshold.",
        "\n".join([*parts, _all_figures(manifest.artifacts)]),
    )


def sizes(manifest: Manifest) -> str:
    """The files' sizes as bars."""
    made = [artifact for artifact in manifest.artifacts if artifact.files]
    largest = max((size_mib(artifact) for artifact in made), default=1.0)
    rows = [
        f"<span>{text(f'{a.graph} {a.format} {a.precision}')}</span>"
        f"{bar(size_mib(a) / largest, None, f'{size_mib(a):.2f} MiB')}<span>{size_mib(a):.2f} MiB</span>"
        for a in made
    ]
    return section("Sizes", "All files of an artefact together.", f'<div class="bars">\n{chr(10).join(rows)}\n</div>')


def coverage(manifest: Manifest) -> str:
    """What each delegate takes; empty where the manifest does not say."""
    pairs = [(artifact, part) for artifact in manifest.artifacts for part in artifact.coverage]
    if not pairs:
        return ""
    rows = [
        (
            text(artifact.id),
            text(part.delegate),
            text(part.method),
            str(part.subgraphs),
            f"{sum(part.inside.values())} of {sum(part.inside.values()) + sum(part.outside.values())}",
            _multiplications(part),
            text(", ".join(f"{op} x {count}" for op, count in part.outside.items())) or "-",
        )
        for artifact, part in pairs
    ]
    headings = ("file", "delegate", "how it is known", "subgraphs", "operators", "multiplications", "left outside")
    note = "What each delegate takes of a file. Where it says predicted, rules say so, and only the device can tell."
    return section("Coverage", note, table(headings, rows, numbers=(3, 4, 5)))


def matrix(manifest: Manifest) -> str:
    """Files against each other, the worst case of each pair; empty where the manifest does not say."""
    if not manifest.matrix:
        return ""
    kinds = dict.fromkeys((cell.graph, cell.metric) for cell in manifest.matrix)
    parts = [_matrix_of([c for c in manifest.matrix if (c.graph, c.metric) == kind], *kind) for kind in kinds]
    return section("Across runtimes", "Each file against each other one: their worst case.", "\n".join(parts))


def tools(manifest: Manifest) -> str:
    """Versions of what took part."""
    rows = [(text(name), text(version)) for name, version in manifest.tools.items()]
    return section("Tools", "What made the files, and what ran them again.", table(("tool", "version"), rows))


def not_run(manifest: Manifest) -> str:
    """What nothing here could show, with the reasons."""
    items = [f"{a.id}: {a.reason}" for a in manifest.artifacts if a.status == "not run"]
    items += [NOT_RUN] if any(a.format == "coreml" for a in manifest.artifacts) else []
    lines = "\n".join(f'<li class="not-run">{text(item)}</li>' for item in items) or "<li>nothing</li>"
    return section("Not run", "What this machine could not check, and why.", f"<ul>\n{lines}\n</ul>")


def _words(figure: ParityFigure) -> str:
    name, pattern = FORMATS[figure.metric]
    sign = "\u2265" if figure.metric in HIGHER_IS_BETTER else "\u2264"
    value = "equal" if figure.value is None and figure.passed else "no number"
    value = value if figure.value is None else pattern.format(figure.value)
    margin = "" if figure.margin is None else f", margin {figure.margin:.3g}"
    return f"{name} {value} {sign} {figure.threshold:g}{margin} ({figure.case})"


def _parity_bar(figure: ParityFigure) -> str:
    decibels = figure.metric in HIGHER_IS_BETTER
    full = FULL_BAR_DB if decibels else FULL_BAR_THRESHOLDS * figure.threshold
    value = figure.value
    if value is None or not math.isfinite(value):
        value = full if figure.passed == decibels else 0.0
    return bar(value / full, figure.threshold / full, _words(figure), good=figure.passed)


def _all_figures(artifacts: Iterable[Artifact]) -> str:
    rows = [
        (text(artifact.id), text(_words(figure)), status("passed" if figure.passed else "failed"))
        for artifact in artifacts
        for figure in artifact.parity
    ]
    content = table(("file", "figure", "result"), rows)
    return f"<details><summary>All {len(rows)} figures</summary>\n{content}\n</details>"


def _multiplications(part: DelegateCoverage) -> str:
    total = part.multiplications_inside + part.multiplications_outside
    return f"{part.multiplications_inside / total:.1%}" if total else "-"


def _matrix_of(cells: Sequence[MatrixCell], graph: str, metric: str) -> str:
    """One table: rows and columns are files, and a cell the worst of its cases."""
    firsts, seconds = dict.fromkeys(c.first for c in cells), dict.fromkeys(c.second for c in cells)
    worst = min if metric in HIGHER_IS_BETTER else max

    def cell(first: str, second: str) -> str:
        here = [c.value for c in cells if (c.first, c.second) == (first, second)]
        values = [value for value in here if value is not None]
        return FORMATS[metric][1].format(worst(values)) if values else ("equal" if here else "")

    rows = [(text(first), *(cell(first, second) for second in seconds)) for first in firsts]
    content = table(("", *seconds), rows, numbers=range(1, len(seconds) + 1))
    return f"<h3>{text(f'{graph}, {FORMATS[metric][0]}')}</h3>\n{content}"
