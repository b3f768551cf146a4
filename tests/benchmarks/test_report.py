"""The page and the Markdown: whole by themselves, and never with a sample in them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.measuring.rows import Journal, Row
from benchmarks.reporting import tables
from benchmarks.reporting.page import html_of, markdown_of
from benchmarks.reporting.plots import PLOTS
from benchmarks.reporting.tables import number

SAMPLES_FILE = Path(__file__).parent / "data" / "sample_rows.jsonl"


def test_samples_are_never_shown(samples: list[Row], as_if_real: list[Row]) -> None:
    real = dataclasses.replace(as_if_real[0], subject=dataclasses.replace(as_if_real[0].subject, id="the-real-one"))
    page = html_of([*samples, real])
    assert "the-real-one" in page
    assert "Example Phone" not in page
    assert f"{len(samples)} made-up sample rows are left out" in page


def test_a_file_of_samples_alone_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main([str(SAMPLES_FILE), "--out", str(tmp_path / "page.html")]) == 2
    assert "all of them samples" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_every_device_has_its_part(as_if_real: list[Row]) -> None:
    text = markdown_of(as_if_real)
    for device in ("Example CPU", "Example SoC", "iPhone00,0", "browser: Chromium 140", "emulated: qemu-aarch64"):
        assert f"## {device}" in text
    assert "214/214 nodes in 1" in text
    assert "the answer is all zeros" in text
    assert "Core ML runs on macOS and iOS only" in text


def test_the_page_needs_nothing_from_elsewhere(as_if_real: list[Row]) -> None:
    page = html_of(as_if_real)
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert "@import" not in page


def test_check_counts_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main([str(SAMPLES_FILE), "--check"]) == 0
    assert capsys.readouterr().out == "7 rows, 7 of them samples\n"


def test_the_page_is_not_written_over_the_rows(as_if_real: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Journal(path).add(as_if_real[0])
    before = path.read_bytes()
    assert report.main([str(path), "--out", str(path)]) == 2
    assert path.read_bytes() == before


def test_without_rows_for_it_a_plot_is_left_out(as_if_real: list[Row]) -> None:
    assert [name for name, draw in PLOTS.items() if draw(as_if_real)] == []


def _files(rows: list[Row]) -> list[tuple[str, ...]]:
    table = tables.files(rows)
    return [] if table is None else list(table.rows)


def test_of_two_runs_the_last_is_shown(as_if_real: list[Row]) -> None:
    first = next(row for row in as_if_real if row.timing is not None and row.stage == "refocus")
    assert first.timing is not None
    slower = dataclasses.replace(first.timing, raw_ms=(5000.0,) * 20)
    later = dataclasses.replace(first, run_id="another", measured_at="2030-01-01T00:00:00Z", timing=slower)
    assert [row[4] for row in _files([later, first])] == ["5,000"]
    assert len(_files([first])) == 1


def test_networks_of_one_run_stand_beside_each_other(as_if_real: list[Row]) -> None:
    """The deblurrer that another run measured is no rival."""
    base = next(row for row in as_if_real if row.timing is not None and row.stage == "refocus")
    assert base.timing is not None

    def row(name: str, ms: float, run: str, pass_: str = "latency") -> Row:
        subject = dataclasses.replace(
            base.subject, id=name, precision="int8" if "int8" in name else "fp32", kind="network"
        )
        figures: dict[str, float | None] = {"parameters_millions": 1.0, "gmacs_per_mp": 2.0}
        timing = dataclasses.replace(base.timing, raw_ms=(ms,) * 20)  # type: ignore[type-var]
        changes = {"subject": subject, "stage": "deblur", "case": name, "run_id": run, "pass_": pass_}
        return dataclasses.replace(base, **changes, figures=figures if pass_ == "limits" else {}, timing=timing)  # type: ignore[arg-type]

    names = ("deblur-tflite-int8", "nafnet-32-onnx-fp32")
    rows = [
        *(row(name, 1.0, "counts", "limits") for name in names),
        row(names[0], 10.0, "peers"),
        row(names[1], 1000.0, "peers"),
        row(names[0], 50.0, "files"),
    ]
    table = tables.peers(rows)
    assert table is not None
    assert [(cells[0], cells[4]) for cells in table.rows] == [(names[0], "1"), (names[1], "100")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (1234.5, "1,234"), (12.34, "12.3"), (0.0123, "0.0123"), (1e-7, "1.0e-07")],
)
def test_numbers_as_people_write_them(value: float | None, text: str) -> None:
    assert number(value) == text
