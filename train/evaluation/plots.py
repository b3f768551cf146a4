"""The per-sigma table as a picture; and how any figure is written."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.evaluation.per_sigma import MEAN_RANGE_PX, PSFS, PerSigma

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"gaussian": "tab:blue", "disc": "tab:orange"}
MARKERS = {"gaussian": "o", "disc": "s"}


def check_plottable(path: Path) -> None:
    """Refuse a plot before anything is measured for it.

    Raises:
        ReblurError: matplotlib is not installed, or the name does not end in .png.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ReblurError("plots need matplotlib: pip install matplotlib, or leave --plot out")
    if path.suffix.lower() != ".png":
        raise ReblurError(f"plots are written as PNG: expected a name ending in .png, got {path.name}")


def plot_per_sigma(figures: PerSigma, path: Path, title: str = "") -> None:
    """Gain by sigma for each PSF, the range of the headline shaded, the sharp end noted; written as PNG.

    Raises:
        ReblurError: as ``check_plottable``, or the file cannot be written.
    """
    check_plottable(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(*MEAN_RANGE_PX, color="0.93", zorder=0)
    axes.axhline(0, color="0.4", linewidth=1)
    for psf in PSFS:
        rows = [row for row in figures.blurred if row.psf == psf]
        sigmas = [row.sigma_px for row in rows]
        mean = f"{psf}: mean over {MEAN_RANGE_PX[0]:g} to {MEAN_RANGE_PX[1]:g} px {figures.mean_gain_db(psf):+.2f} dB"
        axes.plot(sigmas, [row.gain_db for row in rows], color=COLOURS[psf], marker=MARKERS[psf], label=mean)
        worst = [row.worst_gain_db for row in rows]
        axes.plot(sigmas, worst, color=COLOURS[psf], linestyle=":", linewidth=1, label=f"{psf}: worst crop")
    # A sharp crop has no gain to plot: its PSNR against itself is what counts there.
    sharp = figures.sharp
    label = f"sharp: {sharp.mean_psnr_db:.1f} dB against itself, worst {sharp.worst_psnr_db:.1f}"
    axes.plot([0], [0], marker="*", markersize=13, color="tab:green", linestyle="none", clip_on=False, label=label)
    axes.set_xlim(0, max(row.sigma_px for row in figures.blurred) + 0.2)
    axes.set_xlabel("standard deviation of the blur, sigma (px)")
    axes.set_ylabel("gain in PSNR over the input (dB)")
    axes.set_title(title or f"Even blur, {figures.crops} textured crops")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    write_figure(figure, path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure of matplotlib as PNG, atomically, without any window.

    Raises:
        ReblurError: the file cannot be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", backend="agg")
    write_atomically(path, buffer.getvalue())
