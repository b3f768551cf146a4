"""One row of figures for every picture: what the CSV holds, and the means that the tables show."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate
from torch import Tensor

from runtime.system.files import write_atomically
from train.data.photos import Picture
from train.evaluation.held_out import HeldOut
from train.evaluation.inference import has_sigma_map
from train.evaluation.lpips_score import Perceptual
from train.evaluation.metrics import Scores, SigmaScores, score, sigma_scores, texture_mask
from train.evaluation.misaligned import Compared, Shift
from train.progress import progress_bar

NOT_RUN = "not run"
PAIRS = "pairs"
"""The data set of rows that need not be aligned; all others are."""
METRICS = {"psnr_db": ("PSNR dB", 2), "ssim": ("SSIM", 4), "mae": ("MAE", 4), "lpips": ("LPIPS", 4)}
"""Field of ``Scores`` -> its name in the table of means, and the decimals shown."""
SIGMA_METRICS = ("mae_px", "bias_px", "rank_correlation")
SHIFT_METRICS = ("median_px", "p95_px", "mean_px")


@dataclass(frozen=True, kw_only=True)
class Row:
    """Everything measured on one picture; None for what was not."""

    dataset: str
    """"scenes", "even blur" or "pairs"."""
    name: str
    psf: str = "unknown"
    largest_sigma_px: float | None = None
    """The strongest true blur in the picture."""
    plain: Compared
    """Against the ground truth as it lies."""
    aligned: Compared | None = None
    by_flow: Compared | None = None
    sigma: SigmaScores | None = None
    shift: Shift | None = None

    def cells(self) -> dict[str, str]:
        """The row as text, by column: pairs have alignment and shift, scenes and crops a true blur."""
        cells = {"dataset": self.dataset, "name": self.name}
        groups: dict[str, Compared | None] = {"": self.plain}
        if self.dataset == PAIRS:
            groups |= {"aligned_": self.aligned, "by_flow_": self.by_flow}
        else:
            cells["psf"] = self.psf
            cells["largest_sigma_px"] = "unknown" if self.largest_sigma_px is None else f"{self.largest_sigma_px:.3f}"
        for prefix, compared in groups.items():
            for side in ("input", "output"):
                scores: Scores | None = getattr(compared, side, None)
                for metric in METRICS:
                    cells[f"{prefix}{side}_{metric}"] = _cell(getattr(scores, metric, None))
            cells[f"{prefix}gain_db"] = _cell(gain_db(compared))
        if self.dataset == PAIRS:
            cells |= {f"shift_{metric}": _cell(getattr(self.shift, metric, None)) for metric in SHIFT_METRICS}
        else:
            cells |= {f"sigma_{metric}": _cell(getattr(self.sigma, metric, None)) for metric in SIGMA_METRICS}
        return cells


def rows_of(
    dataset: str,
    data: HeldOut,
    restored: Tensor,
    blur_map: Tensor,
    psf: str = "unknown",
    perceptual: Perceptual | None = None,
) -> list[Row]:
    """A row for each aligned picture; ``restored`` (N, 3, H, W) and ``blur_map`` (N, C, H, W) are what became of it."""
    textured = texture_mask(data.sharp)
    rows = []
    for i in progress_bar(range(len(restored)), desc="scoring", unit="picture", leave=False):
        blurry, sharp, output = (_picture(stack[i]) for stack in (data.blurry, data.sharp, restored))
        sigma = None
        if has_sigma_map(blur_map):
            sigma = sigma_scores(blur_map[i], data.sigma_px[i], textured[i])
        largest = float(data.sigma_px[i].max())
        plain = Compared(score(blurry, sharp, perceptual), score(output, sharp, perceptual))
        rows.append(Row(dataset=dataset, name=f"{i:04d}", psf=psf, largest_sigma_px=largest, plain=plain, sigma=sigma))
    return rows


def _picture(image: Tensor) -> Picture:
    return image.permute(1, 2, 0).numpy()


def gain_db(compared: Compared | None) -> float | None:
    """What the network adds to the PSNR."""
    return None if compared is None else compared.output.psnr_db - compared.input.psnr_db


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of what was measured; None where nothing was."""
    measured = [v for v in values if v is not None and not math.isnan(v)]
    return sum(measured) / len(measured) if measured else None


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write one line per row under a line of column names, atomically.

    Raises:
        ReblurError: the file cannot be written.
    """
    text = io.StringIO()
    cells = [row.cells() for row in rows]
    writer = csv.DictWriter(text, list(cells[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    write_atomically(path, text.getvalue().encode())


def means_table(rows: Sequence[Row]) -> str:
    """Means over the rows: a line per metric, input against output; groups that no row has are left out."""
    lines: list[tuple[str, ...]] = []
    groups: dict[str, list[Compared]] = {
        "": [row.plain for row in rows],
        "truth aligned to the input": [row.aligned for row in rows if row.aligned],
        "truth moved by flow": [row.by_flow for row in rows if row.by_flow],
    }
    for title, compared in groups.items():
        if title and compared:
            lines.append((f"{title} ({len(compared)} pictures)", "", "", ""))
        for metric, (label, decimals) in METRICS.items():
            if compared:
                before = mean_of([getattr(c.input, metric) for c in compared])
                after = mean_of([getattr(c.output, metric) for c in compared])
                change = None if before is None or after is None else after - before
                figures = number(before, decimals), number(after, decimals), number(change, decimals, sign="+")
                lines.append(("  " * bool(title) + label, *figures))
    headings = (f"means of {len(rows)} pictures", "input", "output", "change")
    return text_table(lines, headings)


def shift_line(rows: Sequence[Row]) -> str:
    """Means of the displacement of outputs against their inputs, as a sentence."""
    shifts = [row.shift for row in rows]
    median, p95, mean = (
        number(mean_of([getattr(shift, metric, None) for shift in shifts])) for metric in SHIFT_METRICS
    )
    return (
        f"output against its own input, px on textured area: median {median}, 95th percentile {p95}, mean vector {mean}"
    )


def text_table(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> str:
    """Lines of text: the first column to the left, figures to the right."""
    align = ("left", *["right"] * (len(headings) - 1))
    return tabulate(rows, headings, disable_numparse=True, colalign=align, preserve_whitespace=True)


def number(value: float | None, decimals: int = 2, sign: str = "") -> str:
    """A number, or ``not run`` for None and NaN."""
    return NOT_RUN if value is None or math.isnan(value) else f"{value:{sign}.{decimals}f}"


def _cell(value: float | None) -> str:
    return NOT_RUN if value is None else f"{value:.6g}"
