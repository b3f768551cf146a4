"""Rows as pictures: one function a plot, each gives an SVG, or nothing where there are too few rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.measuring.cases import WHOLES
from benchmarks.measuring.rows import Row
from benchmarks.measuring.statistics import exponent
from benchmarks.reporting.tables import median_ms, megapixels_of, size_of, threads_of, timed

COLOURS = ("#2f6690", "#d1495b", "#edae49", "#5b8e7d", "#7d5ba6", "#8d6a4f", "#3a3a3a", "#9db4c0")
SIZE_IN = (9.0, 4.2)
NEAR = 1.6
"""Columns of names whose places differ by less than this factor would be written over one another."""
INK, FAINT = "#22303c", "#d8dee4"
OF_PRECISIONS = {"fp32": COLOURS[0], "fp16": COLOURS[3], "int8": COLOURS[1]}
MARKS = {"tflite": "o", "onnx": "s", "executorch": "^", "coreml": "D", "torch": "P"}
"""Of back ends."""


def _figure(title: str, x: str, y: str) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams.update(
        {"svg.hashsalt": "reblur", "svg.fonttype": "path", "font.size": 10, "text.color": INK, "axes.labelcolor": INK}
    )
    figure, axes = pyplot.subplots(figsize=SIZE_IN, layout="constrained")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    axes.set_prop_cycle(color=COLOURS)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import pyplot

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _plain_log(axis: Any) -> None:
    """A logarithmic axis whose ticks are numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def stages(rows: Sequence[Row]) -> str:
    """A bar for each pipeline, a piece for each stage; a tap's are lighter."""
    found = [r for r in timed(rows) if r.subject.kind == "pipeline" and r.stage not in (*WHOLES, "preview")]
    keys = list(dict.fromkeys((r.subject.id, size_of(r), threads_of(r)) for r in found))
    if not keys:
        return ""
    figure, axes = _figure("A photograph's way, stage by stage", "median ms", "")
    figure.set_size_inches(SIZE_IN[0], max(2.4, 1.2 + 0.45 * len(keys)))
    names = list(dict.fromkeys(r.stage for r in found))
    left = [0.0] * len(keys)
    for name, colour in zip(names, COLOURS, strict=False):
        own = {(r.subject.id, size_of(r), threads_of(r)): median_ms(r) for r in found if r.stage == name}
        widths = [own.get(key, 0.0) for key in keys]
        axes.barh(range(len(keys)), widths, left=left, color=colour, label=name, height=0.62)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(keys)), [f"{pipeline}, {threads} threads" for pipeline, _, threads in keys])
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return _svg(figure)


def scaling(rows: Sequence[Row]) -> str:
    """Time by megapixels, both logarithmic, with the fitted exponent."""
    found = [r for r in timed(rows) if r.stage in WHOLES]
    series: dict[tuple[str, str, str], list[Row]] = {}
    for row in sorted(found, key=megapixels_of):
        series.setdefault((row.subject.id, row.stage, threads_of(row)), []).append(row)
    series = {key: own for key, own in series.items() if len({megapixels_of(row) for row in own}) > 1}
    if not series:
        return ""
    figure, axes = _figure("Time by the size of the photograph", "megapixels", "median ms")
    for (pipeline, stage, _), own in series.items():
        sizes, times = [megapixels_of(row) for row in own], [median_ms(row) for row in own]
        label = f"{stage.replace('_', ' ')}, {'-'.join(pipeline.split('-')[:2])}: ^{exponent(sizes, times):.2f}"
        axes.plot(sizes, times, marker="o", markersize=4, linewidth=1.6, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _plain_log(axes.xaxis)
    _plain_log(axes.yaxis)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return _svg(figure)


def sustained(rows: Sequence[Row]) -> str:
    """Each run of the sustained pass."""
    found = timed(rows, "sustained")
    if not found:
        return ""
    figure, axes = _figure("Back to back", "seconds since the first run", "ms a run")
    for row in found:
        assert row.timing is not None
        starts = row.timing.started_s or ()
        axes.plot(starts, row.timing.raw_ms, linewidth=0.8, alpha=0.45)
        smooth = _running_median(row.timing.raw_ms, 9)
        axes.plot(
            starts, smooth, linewidth=2.0, color=axes.lines[-1].get_color(), label=f"{row.subject.id}, {row.stage}"
        )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper right", fontsize=9)
    return _svg(figure)


def _running_median(values: Sequence[float], width: int) -> list[float]:
    half = width // 2
    windows = (sorted(values[max(0, i - half) : i + half + 1]) for i in range(len(values)))
    return [window[len(window) // 2] for window in windows]


def _look_of(row: Row) -> tuple[str, str]:
    """Colour by precision, mark by back end."""
    return OF_PRECISIONS.get(row.subject.precision or "", COLOURS[4]), MARKS.get(row.engine.backend, "x")


def _explain_looks(axes: Any, rows: Sequence[Row], *, colours: bool = True) -> None:
    """A legend of the marks, and of the colours where nothing else tells them."""
    if colours:
        for precision, colour in OF_PRECISIONS.items():
            if any(r.subject.precision == precision for r in rows):
                axes.scatter([], [], marker="s", color=colour, label=precision)
    for backend, mark in MARKS.items():
        if any(r.engine.backend == backend for r in rows):
            axes.scatter([], [], marker=mark, facecolors="none", edgecolors=INK, label=backend)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)


def roofline(rows: Sequence[Row]) -> str:
    """MACs a second over MACs a byte, under the machine's roof; of the most threads."""
    found = [
        r for r in rows if r.pass_ == "limits" and r.figures.get("peak_gmacs_per_s") and r.figures.get("copy_gb_per_s")
    ]
    if not found:
        return ""
    most = max(r.engine.threads or 0 for r in found)
    found = [r for r in found if (r.engine.threads or 0) == most]
    figure, axes = _figure(
        f"Roofline, {most} threads", "MACs for each byte that must move (inputs, weights, outputs)", "GMAC/s"
    )
    spots = [(r, float(r.figures["macs_per_byte"] or 1), float(r.figures["gmacs_per_s"] or 0)) for r in found]
    low, high = min(x for _, x, _ in spots) / 3, max(x for _, x, _ in spots) * 3
    for precision, colour in (("fp32", COLOURS[0]), ("int8", COLOURS[1])):
        own = [r for r in found if r.subject.precision == precision]
        if not own:
            continue
        peak, copied = (float(own[0].figures[name] or 0) for name in ("peak_gmacs_per_s", "copy_gb_per_s"))
        ridge = peak / copied
        xs = [min(low, ridge / 3), ridge, max(high, ridge * 3)]
        axes.plot(
            xs,
            [copied * xs[0], peak, peak],
            color=colour,
            linewidth=1.5,
            label=f"{precision}: {peak:.3g} GMAC/s, {copied:.3g} GB/s",
        )
    for row, x, y in spots:
        colour, mark = _look_of(row)
        axes.scatter([x], [y], color=colour, marker=mark, s=34, zorder=3)
    _name_columns(axes, [(r.stage, x, y) for r, x, y in spots])
    axes.set_xscale("log")
    axes.set_yscale("log")
    _plain_log(axes.xaxis)
    _plain_log(axes.yaxis)
    _explain_looks(axes, found, colours=False)
    return _svg(figure)


def _name_columns(axes: Any, spots: Sequence[tuple[str, float, float]]) -> None:
    """Write each name over its column of spots; under it, where the neighbour on the left is near."""
    columns = {name: (x, [y for other, _, y in spots if other == name]) for name, x, _ in spots}
    before, over = 0.0, False
    for name, (x, ys) in sorted(columns.items(), key=lambda item: item[1][0]):
        over = not (over and x < NEAR * before)
        spot, shift = ((x, max(ys)), 7) if over else ((x, min(ys)), -15)
        axes.annotate(name, spot, textcoords="offset points", xytext=(0, shift), ha="center", fontsize=9)
        before = x


def pareto(rows: Sequence[Row]) -> str:
    """Quality over latency: upper left is better."""
    scored = [r for r in rows if r.pass_ == "quality" and r.figures.get("psnr_db") and r.figures.get("latency_ms")]
    if not scored:
        return ""
    figure, axes = _figure(
        "What speed costs: upper left is better", "ms for both networks", "PSNR of the restored scenes, dB"
    )
    largest = max(r.subject.bytes or 1 for r in scored)
    for row in scored:
        colour, mark = _look_of(row)
        x, y = float(row.figures["latency_ms"] or 0), float(row.figures["psnr_db"] or 0)
        axes.scatter([x], [y], s=40 + 200 * (row.subject.bytes or 0) / largest, color=colour, marker=mark, alpha=0.75)
    _explain_looks(axes, scored)
    before = next((r.figures.get("input_psnr_db") for r in scored), None)
    if before:
        axes.axhline(before, color=INK, linewidth=0.9, linestyle=(0, (4, 4)))
        axes.annotate("as taken", (axes.get_xlim()[1], before), ha="right", va="bottom", fontsize=9)
    axes.set_xlim(left=0)
    return _svg(figure)


PLOTS: dict[str, Callable[[Sequence[Row]], str]] = {
    "stages": stages,
    "scaling": scaling,
    "sustained": sustained,
    "roofline": roofline,
    "pareto": pareto,
}
"""Name -> what draws it."""
