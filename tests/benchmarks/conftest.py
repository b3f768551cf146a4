"""Rows to test with: the recorded samples, as records."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.measuring.rows import Row, read_rows

SAMPLES_FILE = Path(__file__).parent / "data" / "sample_rows.jsonl"


@pytest.fixture
def samples() -> list[Row]:
    return read_rows(SAMPLES_FILE)


@pytest.fixture
def as_if_real(samples: list[Row]) -> list[Row]:
    """The samples without their mark: to see what a report would show of such rows."""
    return [dataclasses.replace(row, is_sample=False) for row in samples]
