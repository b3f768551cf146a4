"""The ablation as a table and a plot."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

from runtime.system.files import write_atomically
from train.ablation.claims import HEADLINE_PX, verdicts
from train.ablation.variants import ORACLE, OURS, PIXEL_LOSS, VARIANTS, Result
from train.config import RunConfig
from train.evaluation.plots import write_figure

COLUMNS: tuple[tuple[str, str, Callable[[Result], float | None]], ...] = (
    ("gain", "+.2f", lambda r: r.gain_db),
    ("blurred", "+.2f", lambda r: r.blurred_gain_db),
    ("in focus", "+.2f", lambda r: r.sharp_gain_db),
    ("worst scene", "+.1f", lambda r: r.worst_db),
    ("worst tenth", "+.2f", lambda r: r.worst_tenth_db),
    ("large blur", "+.2f", lambda r: r.large_blur_db),
    ("depth edges", "+.2f", lambda r: r.depth_edge_db),
    ("sigma MAE, px", ".2f", lambda r: r.sigma_mae_px),
    ("module's sigma MAE, px", ".2f", lambda r: r.reblur_sigma_mae_px),
    ("shift, px", ".2f", lambda r: r.shift_px),
)
"""Heading, format, value; gains in dB over the blurry input."""


@dataclass(frozen=True)
class Series:
    """Runs of one configuration."""

    config: RunConfig
    results: list[Result]


FEWEST_FOR_A_LINE = 3
"""Misalignments from which on there is a line over them in the plot."""


def write_report(series: Sequence[Series], command: str, path: Path | None) -> str:
    """The report as Markdown, with the command that made it; with a path also written there, its plot beside it."""
    plot = None if path is None else path.with_suffix(".png")
    text = report(series, command, plot.name if plot else None)
    if path is not None and plot is not None:
        write_plot(series[0].results, plot)
        write_atomically(path, text.encode())
    return text


def report(series: Sequence[Series], command: str, plot: str | None) -> str:
    """Everything as Markdown; the plot, if there is one, shows the first series."""
    fit = series[0].config.fit
    seconds = sum(r.seconds for part in series for r in part.results)
    lines = [
        "# Ablation: what holds under misalignment",
        "",
        f"Written by `{command}`; do not edit by hand.",
        "",
        f"Every run: preset `{series[0].config.preset}`, steps of {fit.batch_size} crops of {fit.crop_px} px, the "
        f"same start, pairs and order within a cell. {platform.machine()}, {torch.get_num_threads()} thread(s), "
        f"torch {torch.__version__}; {seconds / 60:.0f} minutes of training in all. "
        "Held-out scenes are aligned and of other photographs. Gains are in dB over the blurry input; what the columns "
        "mean is said in `train/ablation/variants.py`. Claims are about misalignments of "
        f"{HEADLINE_PX:g} px unless they say otherwise, seed by seed.",
        "",
    ]
    for part in series:
        lines += _section(part)
    if plot:
        lines += [f"![Gain on blurred scenes against gain in focus]({plot})", ""]
    return "\n".join(lines[:-1]) + "\n"


def _section(series: Series) -> list[str]:
    """A table for each misalignment, and the claims."""
    steps = f"{series.config.fit.steps:,} steps"
    lines = []
    for misalignment_px in sorted({r.misalignment_px for r in series.results}):
        part = [r for r in series.results if r.misalignment_px == misalignment_px]
        seeds = len({r.seed for r in part})
        where = f"misalignment up to {misalignment_px:g} px ({seeds} seed{'s' if seeds > 1 else ''})"
        lines += [f"## {steps}, {where}", "", _table(part), ""]
    return [*lines, f"## The claims after {steps}", "", *verdicts(series.results), ""]


def _table(results: list[Result]) -> str:
    names = [name for name in VARIANTS if any(r.variant == name for r in results)]
    table = []
    for name in names:
        rows = [r for r in results if r.variant == name]
        values = [_entry([value(r) for r in rows], form) for _, form, value in COLUMNS]
        table.append([name, *values, ", ".join(sorted({r.health for r in rows}))])
    headings = ["variant", *(heading for heading, _, _ in COLUMNS), "reblurring module"]
    return tabulate(table, headings, tablefmt="pipe", disable_numparse=True)


def _entry(values: list[float | None], form: str) -> str:
    """Mean over the seeds, and their spread."""
    known = [v for v in values if v is not None and not math.isnan(v)]
    if not known:
        return "-"
    spread = f" ({min(known):{form}} to {max(known):{form}})" if len(known) > 1 else ""
    return f"{statistics.mean(known):{form}}{spread}"


def write_plot(results: list[Result], path: Path) -> None:
    """Gain where there is blur against gain in focus and, where there are enough, gain by misalignment; as PNG."""
    from matplotlib.figure import Figure

    several = len({r.misalignment_px for r in results}) >= FEWEST_FOR_A_LINE
    figure = Figure(figsize=(19 if several else 7, 5.5), dpi=100, layout="constrained")
    trade, *by_misalignment = figure.subplots(1, 3 if several else 1, squeeze=False)[0]
    _draw_trade([r for r in results if r.misalignment_px == HEADLINE_PX] or results, trade)
    for axes in by_misalignment:
        _draw(results, axes)
        axes.set_xlabel("misalignment of the pairs, largest shift per axis (px)")
        axes.grid(alpha=0.3)
    if several:
        whole, close = by_misalignment
        whole.set_ylabel("mean gain over the blurry input, all scenes (dB)")
        whole.legend(fontsize=8)
        others = [r.gain_db for r in results if r.variant != PIXEL_LOSS] or [0.0]
        close.set_ylim(min(others) - 0.05, max(others) + 0.05)
        close.set_title("the same without the pixel loss, close up")
    write_figure(figure, path)


def _draw_trade(results: list[Result], axes: Any) -> None:
    """A mark for each variant and seed, without the pixel loss, which is far off."""
    axes.axvline(0, color="0.4", linewidth=1)
    for name in VARIANTS:
        runs = [r for r in results if r.variant == name != PIXEL_LOSS]
        if runs:
            marker = "*" if name in (OURS, ORACLE) else "s" if name.startswith(OURS) else "o"
            shown = [r.sharp_gain_db for r in runs], [r.blurred_gain_db for r in runs]
            size = 14 if marker == "*" else 8
            axes.plot(*shown, marker, markersize=size, color=_colour_of(name), label=name)
    axes.set_xlabel("mean gain on scenes in focus (dB): 0 leaves them as they are")
    axes.set_ylabel("mean gain on blurred scenes (dB)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _draw(results: list[Result], axes: Any) -> None:
    """A line for each variant; the oracle has one value only."""
    axes.axhline(0, color="0.4", linewidth=1)
    for name in VARIANTS:
        rows = [r for r in results if r.variant == name]
        if not rows:
            continue
        if name == ORACLE:
            gain = statistics.mean(r.gain_db for r in rows)
            axes.axhline(gain, color="black", linestyle="--", label="oracle (aligned pairs)")
            continue
        where = sorted({r.misalignment_px for r in rows})
        gains = [statistics.mean(r.gain_db for r in rows if r.misalignment_px == px) for px in where]
        width = 3 if name == OURS else 1.5
        axes.plot(where, gains, marker="o", linewidth=width, color=_colour_of(name), label=name)


def _colour_of(variant: str) -> Any:
    """One of twenty, a variant's own."""
    from matplotlib import colormaps

    return colormaps["tab20"](list(VARIANTS).index(variant) % 20)
