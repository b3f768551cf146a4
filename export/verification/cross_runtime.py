"""The cross-runtime matrix: what each saved file answered in each runtime, against every other answer.

Parity compares with the float model. The matrix tells errors apart: two files that agree with each other better than
with the model share the converter's error, one file that differs between two runtimes shows the runtime's.

A run's answers are saved where the run is made, in a process of its own, and compared when all are there.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from runtime import metrics
from runtime.manifest.check_records import MatrixCell
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically

Runs = Mapping[str, Mapping[str, FloatArray]]
"""Runtime -> case -> what it answered: (1, C, h, w)."""

MATRIX_METRICS: dict[str, str] = {
    "defocus": "mean_px",
    "deblur": "psnr_db",
    "refocus": "psnr_db",
    "preview": "psnr_db",
    "fused": "psnr_db",
}
"""Graph -> how two of its answers are compared."""
COMPARISONS: dict[str, Callable[[FloatArray, FloatArray], float]] = {"mean_px": metrics.mae, "psnr_db": metrics.psnr_db}
WORST: dict[str, Callable[[Iterable[float]], float]] = {"mean_px": max, "psnr_db": min}
"""Metric -> which of several values is the worst."""


def save_results(path: Path, runs: Runs) -> None:
    """Write what one artefact answered, atomically.

    Args:
        path: ``<artefact id>.npz``; the name is what ``load_results`` goes by.
        runs: runtimes, as they are to be named in the matrix, none with a slash in its name.

    Raises:
        ReblurError: the file cannot be written.
    """
    arrays = {f"{runtime}/{case}": output for runtime, cases in runs.items() for case, output in cases.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())


def load_results(folder: Path) -> dict[str, dict[str, dict[str, FloatArray]]]:
    """Read what ``save_results`` wrote: artefact id -> runtime -> case -> answer, in the order of the names.

    Raises:
        ReblurError: a file is damaged.
    """
    results: dict[str, dict[str, dict[str, FloatArray]]] = {}
    for path in sorted(folder.glob("*.npz")):
        runs = results.setdefault(path.stem, {})
        try:
            # Opened here, since NumPy leaves a damaged file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                for key in arrays.files:
                    runtime, _, case = key.partition("/")
                    runs.setdefault(runtime, {})[case] = arrays[key]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ReblurError(
                f"{path} holds no answers of a run ({error}): run the export again with --force"
            ) from error
    return results


def matrix(results: Mapping[str, Runs], graph: str) -> tuple[MatrixCell, ...]:
    """Compare every answer of one graph with every other; one cell for a pair of runs, on its worst case.

    Args:
        results: artefact id -> runtime -> case -> answer, of this graph's artefacts only, in the order of the rows.
        graph: a key of ``MATRIX_METRICS``.

    Returns:
        A cell for each pair of runs that answered a case of the same shape: runs of other sizes have nothing to
        compare. A run with an answer that is no number is left out; it has failed its gates.

    Raises:
        ReblurError: the graph is unknown.
    """
    if graph not in MATRIX_METRICS:
        raise ReblurError(f"no comparison for the graph {graph!r}: there are {', '.join(MATRIX_METRICS)}")
    metric = MATRIX_METRICS[graph]
    runs = {
        run_name(artifact, runtime): cases
        for artifact, own in results.items()
        for runtime, cases in own.items()
        if cases and all(np.isfinite(output).all() for output in cases.values())
    }
    cells = []
    for (first, ours), (second, theirs) in combinations(runs.items(), 2):
        values = {
            case: COMPARISONS[metric](output, theirs[case])
            for case, output in ours.items()
            if case in theirs and output.shape == theirs[case].shape
        }
        if values:
            worst = WORST[metric](values.values())
            case = next(case for case, value in values.items() if value == worst)
            value = worst if math.isfinite(worst) else None
            cells.append(MatrixCell(graph=graph, case=case, first=first, second=second, metric=metric, value=value))
    return tuple(cells)


def run_name(artifact: str, runtime: str) -> str:
    """What a run is called in the matrix."""
    return f"{artifact} ({runtime})"
