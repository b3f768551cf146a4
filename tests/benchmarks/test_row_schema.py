"""The rows that phones, browsers and desktops write: the schema accepts the samples, and nothing less."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "benchmarks" / "row.schema.json").read_text())
SAMPLES = [json.loads(line) for line in (Path(__file__).parent / "data" / "sample_rows.jsonl").read_text().splitlines()]
Row = dict[str, Any]


def faults(row: Row) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(row)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: f"{row['case']}, {row['pass']}")
def test_samples_fit_and_say_that_they_are_samples(row: Row) -> None:
    assert faults(row) == []
    assert row["is_sample"] is True


def test_the_example_of_the_protocol_fits() -> None:
    text = (ROOT / "benchmarks" / "PROTOCOL.md").read_text()
    row = json.loads(text.partition("```json\n")[2].partition("\n```")[0])
    assert faults(row) == []
    assert row["is_sample"] is True


def without(field: str) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        del row[field]

    return change


def too_few_runs(row: Row) -> None:
    row["timing"]["raw_ms"] = row["timing"]["raw_ms"][:3]


def not_run_without_a_reason(row: Row) -> None:
    row.update(status="not_run", reason="")


CHANGES = {
    "no device": without("device"),
    "unmarked": without("is_sample"),
    "too few runs": too_few_runs,
    "no reason": not_run_without_a_reason,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_is_no_measurement_does_not_fit(change: Callable[[Row], None]) -> None:
    row = json.loads(json.dumps(next(row for row in SAMPLES if row["pass"] == "latency" and row["status"] == "ok")))
    assert faults(row) == []
    change(row)
    assert faults(row)
