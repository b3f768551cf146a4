"""The few figures that most people ask for, as far as the rows have them: ratios within one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.measuring.rows import Row
from benchmarks.reporting.tables import median_ms, number, size_of, threads_of, timed


def headline(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Figure and meaning."""
    return [shown for make in FIGURES if (shown := make(rows)) is not None]


def _fastest(rows: Sequence[Row], wanted: Callable[[Row], bool]) -> Row | None:
    return min((row for row in rows if wanted(row)), key=median_ms, default=None)


def _pair(rows: Sequence[Row], ours: Callable[[Row], bool], theirs: Callable[[Row], bool]) -> tuple[Row, Row] | None:
    """The fastest of ours and of theirs of one run, size and number of threads: the largest size, the most threads."""
    groups: dict[tuple[int, int, str, str, str], list[Row]] = {}
    for row in timed(rows):
        height, width = row.subject.shape or (0, 0)
        key = (height * width, row.engine.threads or 0, size_of(row), threads_of(row), row.run_id)
        groups.setdefault(key, []).append(row)
    for key in sorted(groups, reverse=True):
        first, second = _fastest(groups[key], ours), _fastest(groups[key], theirs)
        if first is not None and second is not None:
            return first, second
    return None


def _ratio(
    rows: Sequence[Row], ours: Callable[[Row], bool], theirs: Callable[[Row], bool], meaning: str
) -> tuple[str, str] | None:
    pair = _pair(rows, ours, theirs)
    if pair is None:
        return None
    first, second = pair
    of = f"{size_of(first)}, {threads_of(first)} thread(s), {number(median_ms(first))} against "
    of += f"{number(median_ms(second))} ms"
    return f"{number(median_ms(second) / median_ms(first))}x", f"{meaning} ({of})"


def _is(row: Row, start: str, precision: str | None = None) -> bool:
    return row.subject.id.startswith(start) and precision in (None, row.subject.precision)


def _nafnet(rows: Sequence[Row]) -> tuple[str, str] | None:
    meaning = "int8 deblurrer against NAFNet-32 in fp32, onnxruntime"
    return _ratio(rows, lambda r: _is(r, "deblur-", "int8"), lambda r: _is(r, "nafnet-32-onnx"), meaning)


def _int8(rows: Sequence[Row]) -> tuple[str, str] | None:
    meaning = "int8 deblurrer against fp32, same format"
    return _ratio(rows, lambda r: _is(r, "deblur-tflite", "int8"), lambda r: _is(r, "deblur-tflite", "fp32"), meaning)


def _gather(rows: Sequence[Row]) -> tuple[str, str] | None:
    meaning = "blur (preview) against the exact gather"
    return _ratio(rows, lambda r: _is(r, "blur-preview-tflite"), lambda r: _is(r, "blur-exact-gather"), meaning)


def _numba(rows: Sequence[Row]) -> tuple[str, str] | None:
    meaning = "blur (preview) against numba by hand"
    return _ratio(rows, lambda r: _is(r, "blur-preview-tflite"), lambda r: _is(r, "blur-numba"), meaning)


def _peak(rows: Sequence[Row]) -> tuple[str, str] | None:
    found = [
        row
        for row in rows
        if row.pass_ == "limits" and _is(row, "deblur-", "fp32") and row.figures.get("share_of_peak") is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda row: row.figures["share_of_peak"] or 0.0)
    of = f"{best.subject.id}, {size_of(best)}, {threads_of(best)} thread(s)"
    return f"{best.figures['share_of_peak']:.0%}", f"of the measured fp32 peak ({of})"


def _tap(rows: Sequence[Row]) -> tuple[str, str] | None:
    found = [row for row in timed(rows) if row.stage == "tap" and row.subject.shape is not None]
    if not found:
        return None
    best = min(
        found,
        key=lambda row: (
            abs((row.subject.shape or (0, 0))[0] * (row.subject.shape or (0, 0))[1] - 1e6),
            median_ms(row),
        ),
    )
    return (
        f"{number(median_ms(best))} ms",
        f"a tap at {size_of(best)} ({best.subject.id}, {threads_of(best)} thread(s))",
    )


FIGURES: tuple[Callable[[Sequence[Row]], tuple[str, str] | None], ...] = (_tap, _nafnet, _int8, _gather, _numba, _peak)
