"""Rows as tables: one function a table, each of the rows of one device; what has no rows has no table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.measuring.cases import WHOLES
from benchmarks.measuring.rows import Row
from benchmarks.measuring.statistics import exponent, mad, median, percentile_90
from benchmarks.reporting.regression import Change

GRAPHS = ("defocus", "deblur", "refocus", "preview", "fused")
NONE = "-"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table under a heading."""

    title: str
    note: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    plot: str = ""
    """Name of the plot that stands above it, see ``plots``."""


def number(value: float | None, digits: int = 3) -> str:
    """So many digits that matter, without exponents."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.{digits}g}"


def percent(share: float | None) -> str:
    """In whole per cent; below one, in two digits that matter."""
    if share is None:
        return NONE
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{100 * share:.2g}%"


def timed(rows: Sequence[Row], pass_: str = "latency") -> list[Row]:
    """Those with times of that pass."""
    return [row for row in rows if row.pass_ == pass_ and row.timing is not None and row.status == "ok"]


def median_ms(row: Row) -> float:
    """Of its raw times."""
    assert row.timing is not None
    return median(row.timing.raw_ms)


def size_of(row: Row) -> str:
    """Height and width, for people."""
    return NONE if row.subject.shape is None else f"{row.subject.shape[0]}x{row.subject.shape[1]}"


def threads_of(row: Row) -> str:
    """For people."""
    return "own" if row.engine.threads is None else str(row.engine.threads)


def _pixels(row: Row) -> int:
    """Of its picture, to sort by; 0 where there is none."""
    return 0 if row.subject.shape is None else row.subject.shape[0] * row.subject.shape[1]


def megapixels_of(row: Row) -> float:
    """Of its picture."""
    assert row.subject.shape is not None
    return _pixels(row) / 1e6


def newest(rows: Sequence[Row]) -> list[Row]:
    """Of a case that several runs measured, the last; of its quick runs one only where there is no other."""
    last = {row.key: row for row in sorted(rows, key=lambda row: (not is_quick(row), row.measured_at))}
    return [row for row in rows if last[row.key] is row]


def is_quick(row: Row) -> bool:
    """Whether it has fewer runs than the protocol asks for."""
    return row.timing is not None and row.timing.quick


def newest_groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of one run, one size and so many threads, which may be compared; of several runs the last."""
    groups: dict[tuple[float, str, str], dict[str, list[Row]]] = {}
    for row in sorted(rows, key=lambda row: row.measured_at):
        key = (_pixels(row), size_of(row), threads_of(row))
        groups.setdefault(key, {}).setdefault(row.run_id, []).append(row)
    return [sorted(list(runs.values())[-1], key=median_ms) for _, runs in sorted(groups.items())]


def _mib(count: int | None) -> str:
    return NONE if count is None else number(count / 2**20)


def _runs(row: Row) -> str:
    assert row.timing is not None
    return f"{len(row.timing.raw_ms)}{' quick' if row.timing.quick else ''}"


def _accelerator(row: Row) -> str:
    asked, used = row.engine.accelerator_requested, row.engine.accelerator_used
    taken = ""
    if row.engine.nodes_total:
        taken = f", {row.engine.nodes_delegated}/{row.engine.nodes_total} nodes in {row.engine.partitions}"
    return (asked if asked == used else f"{asked}, got {used}") + taken


def files(rows: Sequence[Row]) -> Table | None:
    """Every file of ours alone, and our networks by other means."""
    own = ("artifact", "network")
    found = [row for row in timed(rows) if row.stage in GRAPHS and row.subject.kind in own]
    found = [row for row in found if row.subject.kind == "artifact" or _network(row) in GRAPHS]
    body = []
    for row in sorted(newest(found), key=lambda r: (r.stage, _pixels(r), r.engine.threads or 0, median_ms(r))):
        assert row.timing is not None
        cold = median(row.timing.cold_load_ms) if row.timing.cold_load_ms else None
        raw = row.timing.raw_ms
        body.append(
            (row.subject.id, size_of(row), threads_of(row), _accelerator(row), number(median(raw)),
             number(percentile_90(raw)), number(mad(raw)), number(cold), _mib(row.subject.bytes),
             _runs(row), _worst(row))
        )  # fmt: skip
    headings = (
        "file or network",
        "size",
        "threads",
        "on",
        "median ms",
        "p90",
        "MAD",
        "cold load ms",
        "MiB",
        "runs",
        "parity",
    )
    note = "One call, inputs ready. Parity: the error against golden vectors nearest to its limit, as a share of it."
    return Table(title="Files", note=note, headings=headings, rows=body) if body else None


def _worst(row: Row) -> str:
    shares = [p.value / p.limit for p in row.parity if p.limit and p.value is not None and p.statistic != "psnr_db"]
    return f"{max(shares):.0%}" if shares else NONE


def stages(rows: Sequence[Row]) -> Table | None:
    """The way of a photograph."""
    found = [row for row in timed(rows) if row.subject.kind == "pipeline" and row.stage not in WHOLES]
    names = list(dict.fromkeys(row.stage for row in found))
    body = []
    for key in dict.fromkeys((row.subject.id, size_of(row), threads_of(row)) for row in found):
        own = {r.stage: r for r in found if (r.subject.id, size_of(r), threads_of(r)) == key}
        body.append((*key, *(number(median_ms(own[name]) if name in own else None) for name in names)))
    headings = ("pipeline", "photograph", "threads", *(f"{name} ms" for name in names))
    note = "Median of each stage by itself."
    return Table(title="Stages", note=note, headings=headings, rows=body, plot="stages") if body else None


def scaling(rows: Sequence[Row]) -> Table | None:
    """First open, tap and file to file by megapixels, with the exponent."""
    found = [row for row in timed(rows) if row.stage in WHOLES]
    body = []
    for key in dict.fromkeys((row.subject.id, row.stage, threads_of(row)) for row in found):
        own = sorted((r for r in found if (r.subject.id, r.stage, threads_of(r)) == key), key=megapixels_of)
        sizes, times = [megapixels_of(r) for r in own], [median_ms(r) for r in own]
        grows = f"{exponent(sizes, times):.2f}" if len(set(sizes)) > 2 else NONE
        points = ", ".join(f"{size:.3g} MP: {number(ms)}" for size, ms in zip(sizes, times, strict=True))
        body.append((*key, points, grows))
    headings = ("pipeline", "stage", "threads", "median ms", "exponent")
    note = "time = c * megapixels^exponent, fitted: 1 grows with the picture, below 1 more slowly."
    return Table(title="By megapixels", note=note, headings=headings, rows=body, plot="scaling") if body else None


def sustained(rows: Sequence[Row]) -> Table | None:
    """The first and the last fifth of a long run."""
    body = []
    for row in timed(rows, "sustained"):
        assert row.timing is not None
        raw = row.timing.raw_ms
        fifth = max(1, len(raw) // 5)
        first, last = median(raw[:fifth]), median(raw[-fifth:])
        lasted = (row.timing.started_s or (0.0,))[-1]
        body.append((row.case, number(lasted), str(len(raw)), number(first), number(last), f"{last / first - 1:+.0%}"))
    headings = ("case", "seconds", "runs", "first fifth ms", "last fifth ms", "change")
    note = "Back to back without a pause."
    return Table(title="Sustained", note=note, headings=headings, rows=body, plot="sustained") if body else None


def memory(rows: Sequence[Row]) -> Table | None:
    """Of a process that does nothing else."""
    body = [
        (r.case, r.memory.kind, *(number(v) for v in (
            r.memory.baseline_mib, r.memory.loaded_mib, r.memory.peak_mib, r.memory.peak_mib - r.memory.baseline_mib,
            r.memory.disposed_mib,
        )))
        for r in newest([row for row in rows if row.memory is not None])
        if r.memory is not None
    ]  # fmt: skip
    headings = ("case", "kind", "baseline MiB", "loaded", "peak", "peak above baseline", "disposed")
    note = "A process of its own for each; interpreter and packages are in the baseline."
    return Table(title="Memory", note=note, headings=headings, rows=body) if body else None


def peers(rows: Sequence[Row]) -> Table | None:
    """Our networks beside published ones."""
    counted = {_network(r): r for r in rows if r.pass_ == "limits" and "parameters_millions" in r.figures}
    if not counted:
        return None
    runs = {r.run_id for r in timed(rows) if _network(r) in counted and _network(r) not in GRAPHS}
    candidates = [r for r in timed(rows) if r.run_id in runs and _network(r) in counted and r.stage == "deblur"]
    in_onnx = [r for r in rows if r.stage == "deblur" and r.engine.backend == "onnx" and r.subject.precision == "fp32"]
    peaks = {_network(r): r.memory for r in in_onnx if r.memory is not None}
    body = []
    groups = [group for group in newest_groups(candidates) if any(_network(r) not in GRAPHS for r in group)]
    for row, rivals in ((row, group) for group in groups for row in group):
        own = counted[_network(row)].figures
        ours = [r for r in rivals if _network(r) == "deblur" and r.subject.precision == "int8"]
        fastest = min(map(median_ms, ours)) if ours else None
        memory_mib = peaks.get(_network(row))
        published = own.get("published_dpdd_psnr_db"), own.get("published_dpdd_ssim")
        body.append(
            (row.subject.id, size_of(row), threads_of(row), number(median_ms(row)),
             NONE if fastest is None else f"{median_ms(row) / fastest:.3g}", number(own["parameters_millions"]),
             number(own["gmacs_per_mp"]), _mib(row.subject.bytes), number(memory_mib.peak_mib if memory_mib else None),
             NONE if published[0] is None else f"{published[0]:.2f} / {published[1]:.3f}", _runs(row))
        )  # fmt: skip
    headings = (
        "network",
        "size",
        "threads",
        "median ms",
        "times our int8",
        "M parameters",
        "GMACs/MP",
        "MiB",
        "peak MiB (onnx)",
        "DPDD, published",
        "runs",
    )
    note = (
        "Built from their papers, random weights, exported by our own writers: times, sizes, counts are measured here. "
        "DPDD PSNR / SSIM is what their papers say, not measured; ours has not been measured on DPDD."
    )
    return Table(title="Beside published networks", note=note, headings=headings, rows=body)


def _network(row: Row) -> str:
    """Deblur of deblur-tflite-int8, nafnet-32 of nafnet-32-onnx-fp32."""
    return row.subject.id.rsplit("-", 2)[0]


def blurs(rows: Sequence[Row]) -> Table | None:
    """The same blur by ours and by others."""
    found = [row for row in timed(rows) if row.subject.id.startswith("blur-") and row.stage != "kernel"]
    body = []
    for row, rivals in ((row, group) for group in newest_groups(found) for row in group):
        reference = next((median_ms(r) for r in rivals if r.subject.id == "blur-preview-tflite-fp32"), None)
        close = next((p.value for p in row.parity if p.statistic == "psnr_db"), None)
        times = "" if reference is None else f"{median_ms(row) / reference:.2f}"
        body.append(
            (row.subject.id, size_of(row), threads_of(row), number(median_ms(row)), times, number(close), _runs(row))
        )
    headings = ("blur", "size", "threads", "median ms", "times ours (preview)", "dB to the exact gather", "runs")
    note = (
        "A smooth map, 0 to 8 px of sigma; compared with the exact gather at 256x256. refocus also renders occlusion."
    )
    return Table(title="Blur by other means", note=note, headings=headings, rows=body) if body else None


def kernels(rows: Sequence[Row]) -> Table | None:
    """Single operations."""
    found = newest([row for row in timed(rows) if row.stage in ("kernel", "calibration")])
    body = [
        (r.subject.id, size_of(r), threads_of(r), number(median_ms(r)), number(mad(r.timing.raw_ms)), _runs(r))
        for r in found
        if r.timing is not None
    ]
    headings = ("operation", "size", "threads", "median ms", "MAD", "runs")
    note = "calibration and the peaks are none of ours: what this machine does."
    return Table(title="Single operations", note=note, headings=headings, rows=body) if body else None


def limits(rows: Sequence[Row]) -> Table | None:
    """Shares of the machine's peaks."""
    found = newest([row for row in rows if row.pass_ == "limits" and "gmacs_per_s" in row.figures])
    names = ("gmacs", "least_mib", "streamed_mib", "macs_per_byte", "gmacs_per_s", "peak_gmacs_per_s")
    shares = ("share_of_peak", "share_of_roof")
    body = []
    for row in found:
        values = tuple(number(row.figures.get(name)) for name in names)
        parts = tuple(percent(row.figures.get(name)) for name in shares)
        body.append((row.subject.id, size_of(row), threads_of(row), *values, *parts))
    headings = (
        "file",
        "size",
        "threads",
        "GMACs",
        "least MiB",
        "streamed MiB",
        "MACs a byte",
        "GMAC/s",
        "peak",
        "of peak",
        "of roof",
    )
    note = (
        "Peak: a large product of matrices of that precision, in turns with the graphs. Least: inputs, weights, "
        "outputs once, in fp32. Streamed: what every operator reads and writes. MACs are those of convolutions."
    )
    return Table(title="Limits", note=note, headings=headings, rows=body, plot="roofline") if body else None


QUALITIES = {
    "input_psnr_db": "PSNR as taken, dB",
    "psnr_db": "PSNR, dB",
    "worst_gain_db": "worst gain, dB",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "sigma_mae_px": "sigma error, px",
    "chain_psnr_db": "chain, dB",
    "latency_ms": "both networks, ms",
}
"""Figure of a row -> its heading."""


def quality(rows: Sequence[Row]) -> Table | None:
    """What every precision costs."""
    found = [row for row in rows if row.pass_ == "quality" and row.status == "ok"]
    names = list(dict.fromkeys(name for row in found for name in row.figures))
    body = [
        (
            r.subject.id,
            r.case.split("/")[1].rpartition("-")[2],
            _mib(r.subject.bytes),
            *(number(r.figures.get(n), 4) for n in names),
        )
        for r in found
    ]
    headings = ("what", "on", "MiB", *(QUALITIES.get(name, name) for name in names))
    note = (
        "Means over held-out pictures; chain: the refocused picture against that of the float model, at most 120. "
        "A dash was not measured."
    )
    return Table(title="Quality", note=note, headings=headings, rows=body, plot="pareto") if body else None


def parity(rows: Sequence[Row]) -> Table | None:
    """Answers on other kernels."""
    body = []
    for row in rows:
        if row.pass_ != "parity":
            continue

        def largest(against: str, row: Row = row) -> str:
            values = [
                p.value for p in row.parity if (p.against, p.statistic) == (against, "max") and p.value is not None
            ]
            return number(max(values)) if values else NONE

        body.append((row.subject.id, size_of(row), row.status, _worst(row), largest("golden"), largest("x86")))
    headings = (
        "file or pipeline",
        "size",
        "status",
        "of its limit",
        "largest error, golden",
        "largest difference, x86",
    )
    note = "Every golden case, by the tolerances of its precision; no times: instructions are interpreted one by one."
    return Table(title="Parity on these kernels", note=note, headings=headings, rows=body) if body else None


def scale(rows: Sequence[Row]) -> Table | None:
    """Training."""
    names = ("pictures_per_s", "speed_up", "efficiency", "gmacs_per_s", "peak_gmacs_per_s")
    body = [
        (
            r.subject.id,
            size_of(r),
            r.subject.precision or "-",
            "GPU" if r.engine.accelerator_used == "gpu" else f"{threads_of(r)} thread(s)",
            *(number(r.figures.get(name)) for name in names),
            percent(r.figures.get("share_of_peak")),
            number(r.figures.get("gpu_utilisation_percent")),
        )
        for r in rows
        if r.pass_ == "scale" and r.status == "ok"
    ]
    headings = (
        "what", "size", "precision", "on", "pictures/s", "speed-up", "efficiency", "GMAC/s", "peak", "of peak",
        "GPU busy %",
    )  # fmt: skip
    note = (
        "A step is one of stage 3; its number says how many crops it is of. Peak: a large product of matrices in that "
        "precision. A pair includes its optical flow. Processes: one thread each, one batch shared."
    )
    return Table(title="Training", note=note, headings=headings, rows=body) if body else None


_REASON_OF = re.compile(r": no processor runs \S+$")
"""What a reason says of one file alone."""


def not_measured(rows: Sequence[Row]) -> Table | None:
    """What failed, and what was not run: one row for each reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.status != "ok":
            groups.setdefault((row.status, row.pass_, _REASON_OF.sub("", row.reason)), []).append(row.subject.id)
    body = [(*key[:2], ", ".join(dict.fromkeys(names)), key[2]) for key, names in groups.items()]
    headings = ("status", "pass", "what", "reason")
    return Table(title="Failed or not run", note="", headings=headings, rows=body) if body else None


def changes(found: Sequence[Change]) -> Table | None:
    """Against a baseline."""
    body = [
        (c.case, number(c.before.value), number(c.after.value), f"{c.ratio:.3f}", f"{c.deviation:.3f}", c.verdict)
        for c in sorted(found, key=lambda c: -c.ratio)
    ]
    headings = ("kernel", "baseline", "now", "now / baseline", "deviation", "verdict")
    note = "A kernel's time over the calibration kernel's in the same run. Slower: 1.10 times and beyond doubt."
    return Table(title="Against the baseline", note=note, headings=headings, rows=body) if body else None


TABLES: tuple[Callable[[Sequence[Row]], Table | None], ...] = (
    stages, scaling, files, limits, quality, peers, blurs, memory, sustained, parity, kernels, scale, not_measured,
)  # fmt: skip
"""In the order of the page."""
