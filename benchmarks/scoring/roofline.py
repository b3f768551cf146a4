"""How near a graph comes to what the machine can do: its work, the machine's measured peaks, and the share reached.

The roof over a graph is the lower of two: the arithmetic peak, and the copying peak times its MACs a byte. Both peaks
are measured in the same turns as the graphs.
"""

from __future__ import annotations

from functools import cache

import torch

from benchmarks.candidates import artifacts, kernels
from benchmarks.measuring.cases import BACKENDS, Case
from benchmarks.measuring.rows import Row
from benchmarks.measuring.session import Session
from benchmarks.measuring.statistics import median
from benchmarks.measuring.work import Work, work_of
from benchmarks.tables import Plan
from export.graphs.specs import build_graphs
from runtime.system.errors import ReblurError
from train.checkpoint import load_deployable
from train.weights import SHIPPED

PRECISIONS = ("fp32", "int8")
"""Precisions whose peak is measured."""


def groups(plan: Plan) -> list[list[Case]]:
    """The peaks and the graphs of each number of threads, which take turns."""
    found = []
    for threads in plan.threads:
        peaks = kernels.cases((kernels.PEAK_MATRIX, kernels.PEAK_MATRIX), threads, tuple(kernels.PEAKS))
        made = artifacts.cases(plan.directory, threads)
        files = [case for case in made if case.precision in PRECISIONS and case.backend in BACKENDS]
        found.append([*peaks, *files])
    return found


def measure(session: Session, plan: Plan) -> None:
    """Time peaks and graphs in turns, then say what each reached, a row of figures each.

    Raises:
        ReblurError: the export was made from other graphs than these.
    """
    for group in groups(plan):
        session.latency([group])
        timed = {
            row.case: row
            for row in session.journal.rows
            if row.pass_ == "latency" and row.run_id == session.run_id and row.status == "ok"
        }
        peaks = {case.id: timed[case.name] for case in group if case.name in timed and case.id in kernels.PEAKS}
        for case in group:
            if case.id not in kernels.PEAKS and case.name in timed and not session.journal.has("limits", case.name):
                row = timed[case.name]
                session.derive(row, "limits", figures_of(row, work_at(case.stage, case.size_px), peaks))


@cache
def work_at(graph: str, size_px: tuple[int, int]) -> Work:
    """Of one of our graphs at a size.

    Raises:
        ReblurError: there is no such graph.
    """
    specs = build_graphs(load_deployable(SHIPPED))
    if graph not in specs:
        raise ReblurError(f"no graph {graph!r}: choose from {', '.join(specs)}")
    with torch.device("meta"):
        inputs = tuple(torch.empty(1, tensor.channels, *size_px) for tensor in specs[graph].inputs)
    return work_of(specs[graph].module, inputs)


def figures_of(row: Row, work: Work, peaks: dict[str, Row]) -> dict[str, float | None]:
    """What a graph does a second, what it could, and the share.

    Args:
        row: its times.
        work: of one run.
        peaks: id -> row; without the peak of its precision the shares are null.
    """
    seconds = _seconds(row)
    assert seconds is not None
    done = work.macs / seconds
    peak = _rate(peaks.get(f"peak-{row.subject.precision}"), kernels.PEAK_MATRIX**3)
    copied = _rate(peaks.get("peak-copy"), 2 * kernels.PEAK_BYTES)
    roof = None if peak is None or copied is None else min(peak, copied * work.intensity)
    return {
        "gmacs": work.macs / 1e9,
        "least_mib": work.bytes_least / 2**20,
        "streamed_mib": work.bytes_streamed / 2**20,
        "macs_per_byte": work.intensity,
        "macs_per_streamed_byte": work.macs / work.bytes_streamed,
        "gmacs_per_s": done / 1e9,
        "peak_gmacs_per_s": None if peak is None else peak / 1e9,
        "copy_gb_per_s": None if copied is None else copied / 1e9,
        "share_of_peak": None if peak is None else done / peak,
        "share_of_roof": None if roof is None else done / roof,
    }


def _seconds(row: Row | None) -> float | None:
    return None if row is None or row.timing is None else median(row.timing.raw_ms) / 1000.0


def _rate(row: Row | None, amount: float) -> float | None:
    seconds = _seconds(row)
    return None if seconds is None else amount / seconds
