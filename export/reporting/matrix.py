"""The report's matrix: every run of every file against every other, one triangle of coloured cells for each graph."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from export.reporting.html import group, section, text
from export.reporting.names import metric_name, value_of
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


def matrix(manifest: Manifest) -> str:
    """The section; empty where the manifest has no matrix."""
    if not manifest.matrix:
        return ""
    kinds = dict.fromkeys((cell.graph, cell.metric) for cell in manifest.matrix)
    parts: list[str] = []
    for graph, metric in kinds:
        cells = [cell for cell in manifest.matrix if (cell.graph, cell.metric) == (graph, metric)]
        _, unit = SHOWN.get(metric, (1.0, ""))
        title = f"{graph}: {metric_name(metric)}, {unit}" if unit else f"{graph}: {metric_name(metric)}"
        parts.append(group(title, _triangle(cells, graph, metric), is_open=not parts))
    note = (
        "What each file answered in each runtime, against every other answer: the worst of their cases. The darker "
        f"the cell, the more they differ; {EQUAL} is equal, and a dot stands where there is nothing to compare. Files "
        "that agree with each other better than with the float model share an error; a file that differs between two "
        "runtimes shows a runtime's."
    )
    return section("Across runtimes", note, "\n".join(parts))


def _triangle(cells: Sequence[MatrixCell], graph: str, metric: str) -> str:
    """Rows and columns are runs, numbered alike; only what is below the diagonal is told."""
    names = [*dict.fromkeys(name for cell in cells for name in (cell.first, cell.second))]
    order = {name: index for index, name in enumerate(names)}
    known: dict[tuple[int, int], list[MatrixCell]] = {}
    for cell in cells:
        column, row = sorted((order[cell.first], order[cell.second]))
        known.setdefault((row, column), []).append(cell)
    head = "".join(f"<th>{column + 1}</th>" for column in range(len(names) - 1))
    lines = []
    for row, name in enumerate(names):
        label = f"<th>{row + 1} {text(name.removeprefix(f'{graph}-'))}</th>"
        found = "".join(_cell(known.get((row, column), []), metric) for column in range(row))
        lines.append(f"<tr>{label}{found}</tr>")
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table class="heat">\n<thead><tr><th></th>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>'
        f"</table></div>\n{_legend(metric)}"
    )


def _cell(cells: Sequence[MatrixCell], metric: str) -> str:
    if not cells:
        return "<td>\u00b7</td>"
    worst = max(cells, key=lambda cell: _step(cell.value, metric))
    for cell in cells:
        if cell.value is not None and worst.value is not None and _is_worse(cell.value, worst.value, metric):
            worst = cell
    told = "equal" if worst.value is None else value_of(metric, worst.value)
    title = text(f"{worst.first} and {worst.second}: {told} ({worst.case})")
    return f'<td class="h{_step(worst.value, metric)}" title="{title}">{_short(worst.value, metric)}</td>'


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


def _legend(metric: str) -> str:
    """What the colours mean."""
    if metric not in STEPS:
        return ""
    factor, _ = SHOWN[metric]
    limits = [f"{factor * step:g}" for step in STEPS[metric]]
    words = [f"{SIGN[metric]} {limit}" for limit in limits] + ["beyond"]
    keys = "".join(f'<span class="key h{step}">{text(word)}</span>' for step, word in enumerate(words))
    return f'<div class="legend">{keys}</div>'


SIGN = {"psnr_db": "\u2265", "mean_px": "\u2264"}
