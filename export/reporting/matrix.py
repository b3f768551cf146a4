"""The report's matrix: every run of every file against every other, one triangle of coloured cells for each graph."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from export.reporting.names import metric_name, value_of
from export.reporting.rendering import Section
from runtime.manifest.check_records import MatrixCell
from runtime.manifest.manifest import Manifest

STEPS: dict[str, tuple[float, ...]] = {
    "psnr_db": (90.0, 70.0, 55.0, 42.0, 30.0),
    "mean_px": (0.001, 0.005, 0.02, 0.05, 0.15),
}
"""Metric -> where the colour changes, from alike to different."""
SHOWN: dict[str, tuple[float, str]] = {"psnr_db": (1.0, "dB"), "mean_px": (1000.0, "thousandths of a pixel")}
"""Metric -> what a value is multiplied by in a cell, where there is little room, and the unit that gives."""
EQUAL = "="


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run against another."""

    step: int
    """Of the colour: 0 for alike to the number of steps."""
    title: str
    """What it says, in words."""
    words: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run against those before it."""

    name: str
    cells: list[Cell | None]
    """None where there is nothing to compare."""


@dataclass(frozen=True, kw_only=True)
class Triangle:
    """All runs of one graph; rows and columns are numbered alike."""

    title: str
    rows: list[Row]
    legend: list[str]
    """What the colours mean."""


def matrix(manifest: Manifest) -> Section | None:
    """The section; None where the manifest has no matrix."""
    if not manifest.matrix:
        return None
    kinds = dict.fromkeys((cell.graph, cell.metric) for cell in manifest.matrix)
    triangles = []
    for graph, metric in kinds:
        cells = [cell for cell in manifest.matrix if (cell.graph, cell.metric) == (graph, metric)]
        _, unit = SHOWN.get(metric, (1.0, ""))
        title = f"{graph}: {metric_name(metric)}, {unit}" if unit else f"{graph}: {metric_name(metric)}"
        triangles.append(Triangle(title=title, rows=_rows(cells, graph, metric), legend=_legend(metric)))
    note = (
        "What each file answered in each runtime, against every other answer: the worst of their cases. The darker "
        f"the cell, the more they differ; {EQUAL} is equal, and a dot stands where there is nothing to compare. Files "
        "that agree with each other better than with the float model share an error; a file that differs between two "
        "runtimes shows a runtime's."
    )
    return Section(title="Across runtimes", note=note, template="matrix.html", content=triangles)


def _rows(cells: Sequence[MatrixCell], graph: str, metric: str) -> list[Row]:
    """One for each run; only what is below the diagonal is told."""
    names = [*dict.fromkeys(name for cell in cells for name in (cell.first, cell.second))]
    order = {name: index for index, name in enumerate(names)}
    known: dict[tuple[int, int], list[MatrixCell]] = {}
    for cell in cells:
        column, row = sorted((order[cell.first], order[cell.second]))
        known.setdefault((row, column), []).append(cell)
    return [
        Row(
            name=name.removeprefix(f"{graph}-"),
            cells=[_cell(known.get((row, column), []), metric) for column in range(row)],
        )
        for row, name in enumerate(names)
    ]


def _cell(cells: Sequence[MatrixCell], metric: str) -> Cell | None:
    if not cells:
        return None
    worst = max(cells, key=lambda cell: _step(cell.value, metric))
    for cell in cells:
        if cell.value is not None and worst.value is not None and _is_worse(cell.value, worst.value, metric):
            worst = cell
    told = "equal" if worst.value is None else value_of(metric, worst.value)
    title = f"{worst.first} and {worst.second}: {told} ({worst.case})"
    return Cell(step=_step(worst.value, metric), title=title, words=_short(worst.value, metric))


def _is_worse(a: float, b: float, metric: str) -> bool:
    return a < b if metric == "psnr_db" else a > b


def _short(value: float | None, metric: str) -> str:
    if value is None or (metric != "psnr_db" and value == 0.0):
        return EQUAL
    scaled = value * SHOWN.get(metric, (1.0, ""))[0]
    return f"{scaled:.0f}" if scaled >= 10.0 or metric == "psnr_db" else f"{scaled:.1f}"


def _step(value: float | None, metric: str) -> int:
    """Which colour: 0 for alike to the number of steps."""
    if value is None or metric not in STEPS:
        return 0
    steps = STEPS[metric]
    return bisect_left([-s for s in steps], -value) if metric == "psnr_db" else bisect_left(steps, value)


def _legend(metric: str) -> list[str]:
    if metric not in STEPS:
        return []
    factor, _ = SHOWN[metric]
    limits = [f"{factor * step:g}" for step in STEPS[metric]]
    return [f"{SIGN[metric]} {limit}" for limit in limits] + ["beyond"]


SIGN = {"psnr_db": "\u2265", "mean_px": "\u2264"}
