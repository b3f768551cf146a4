"""What of many rows a table shows."""

from __future__ import annotations

import argparse
import dataclasses

import pytest

from benchmarks import latency
from benchmarks.measuring.rows import Row
from benchmarks.reporting import tables


@pytest.fixture
def timed(as_if_real: list[Row]) -> Row:
    """A full row of one of our graphs."""
    return next(row for row in tables.timed(as_if_real) if row.timing is not None and not row.timing.quick)


def made(row: Row, **changes: object) -> Row:
    """The row with another subject or timing."""
    subject = {k: v for k, v in changes.items() if k in ("id", "shape", "kind")}
    timing = {k: v for k, v in changes.items() if k in ("raw_ms", "quick")}
    rest = {k: v for k, v in changes.items() if k not in subject and k not in timing}
    assert row.timing is not None
    return dataclasses.replace(
        row,
        subject=dataclasses.replace(row.subject, **subject),  # type: ignore[arg-type]  # by name
        timing=dataclasses.replace(row.timing, **timing),  # type: ignore[arg-type]  # by name
        **rest,  # type: ignore[arg-type]  # by name
    )


def test_a_later_quick_row_does_not_take_the_place_of_a_full_one(timed: Row) -> None:
    quick = made(timed, quick=True, measured_at="2099-01-01T00:00:00Z", run_id="later")
    assert tables.newest([timed, quick]) == [timed]
    later = made(timed, measured_at="2099-01-01T00:00:00Z", run_id="later")
    assert tables.newest([timed, later]) == [later]


def test_files_are_in_the_order_of_their_size(timed: Row) -> None:
    sizes = [(1536, 2048), (256, 256), (512, 512)]
    rows = [
        made(timed, id=f"deblur-onnx-fp32-{h}", shape=(h, w), kind="artifact", stage="deblur", case=f"deblur/{h}")
        for h, w in sizes
    ]
    table = tables.files(rows)
    assert table is not None
    assert [row[1] for row in table.rows] == ["256x256", "512x512", "1536x2048"]


def test_what_was_not_run_is_one_row_for_each_reason(timed: Row) -> None:
    rows = [
        dataclasses.replace(
            timed,
            status="not run",
            reason=f"vulkan needs a device that has it: no processor runs {name}.pte",
            timing=None,
            subject=dataclasses.replace(timed.subject, id=name),
        )
        for name in ("defocus", "deblur", "deblur")
    ]
    table = tables.not_measured([timed, *rows])
    assert table is not None
    assert table.rows == [("not run", timed.pass_, "defocus, deblur", "vulkan needs a device that has it")]


def test_back_ends_are_known_ones() -> None:
    assert latency.backends("onnx,tflite") == ["onnx", "tflite"]
    with pytest.raises(argparse.ArgumentTypeError, match="no back end 'caffe'"):
        latency.backends("tflite,caffe")
