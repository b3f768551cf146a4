"""Rows as records and the file of them: nothing is lost on the way, a stopped run goes on, what is no row is named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measuring import rows
from benchmarks.measuring.rows import Journal, Row, from_document, latest, read_rows
from runtime.system.errors import ReblurError


def test_a_row_goes_to_a_line_and_back(samples: list[Row]) -> None:
    for row in samples:
        assert from_document(json.loads(row.to_line())) == row


def names_in(schema: dict[str, Any]) -> set[str]:
    return set(schema["properties"])


def test_records_and_schema_have_the_same_fields() -> None:
    schema = json.loads(rows.SCHEMA_FILE.read_text())["properties"]
    assert {("pass" if f.name == "pass_" else f.name) for f in dataclasses.fields(Row)} == set(schema)
    kinds = {"subject": rows.Subject, "engine": rows.Engine, "device": rows.Device, "app": rows.App}
    kinds |= {"conditions": rows.Conditions, "timing": rows.Timing, "memory": rows.Memory, "repeat": rows.Repeat}
    for name, kind in kinds.items():
        assert {f.name for f in dataclasses.fields(kind)} == names_in(schema[name]), name
    assert {f.name for f in dataclasses.fields(rows.Parity)} == names_in(schema["parity"]["items"])
    assert {f.name for f in dataclasses.fields(rows.Gate)} == names_in(schema["conditions"]["properties"]["gate"])


def test_a_stopped_run_goes_on(samples: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Journal(path).add(samples[0])
    with path.open("a") as file:
        file.write(samples[1].to_line()[:40])  # the line that a stop cut short
    journal = Journal(path)
    assert journal.rows == samples[:1]
    assert journal.run_id == samples[0].run_id
    assert journal.has("latency", samples[0].case)
    assert not journal.has("memory", samples[0].case)
    journal.add(samples[1])
    assert read_rows(path) == samples[:2]


def test_what_failed_is_measured_again(samples: list[Row], tmp_path: Path) -> None:
    failed = next(row for row in samples if row.status == "failed")
    journal = Journal(tmp_path / "rows.jsonl")
    journal.add(failed)
    assert not journal.has(failed.pass_, failed.case)
    again = dataclasses.replace(failed, measured_at="2026-11-28T00:00:00Z")
    assert list(latest([failed, again])) == [again]


def test_a_row_that_does_not_fit_is_not_written(samples: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(ReblurError, match="reason"):
        Journal(path).add(dataclasses.replace(samples[0], status="failed"))
    assert not path.exists()


def test_a_row_with_times_of_an_emulator_does_not_fit(samples: list[Row]) -> None:
    emulated = next(row for row in samples if row.device.kind == "emulated")
    with pytest.raises(ReblurError, match="timing"):
        dataclasses.replace(emulated, timing=samples[0].timing).to_line()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no measurement row"),
        ('{"schema_version": 9}', "schema version 9"),
    ],
)
def test_what_is_no_row_is_named(line: str, said: str, samples: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{samples[0].to_line()}\n{line}\n")
    with pytest.raises(ReblurError, match=said):
        read_rows(path)
