"""A measurement as a record, and the file of them: one line of JSON each, as ``row.schema.json`` describes.

Desktop, emulated ARM, phones and browsers write the same row. What this machine writes and what comes from a phone goes
through the same check.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runtime.system.errors import ReblurError

SCHEMA_FILE = Path(__file__).parents[1] / "row.schema.json"
SCHEMA_VERSION = 1
MOST_FAULTS = 3
"""Faults that are named of one line; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What was run. The schema says what each field holds, of this and of the records below."""

    kind: str
    id: str
    sha256: str | None = None
    bytes: int | None = None
    precision: str | None = None
    shape: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What ran it."""

    backend: str
    runtime: str
    runtime_version: str | None = None
    accelerator_requested: str = "cpu"
    accelerator_used: str = "cpu"
    nodes_delegated: int | None = None
    nodes_total: int | None = None
    partitions: int | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Device:
    """On what."""

    kind: str
    name: str
    soc: str | None
    cores: int | None
    memory_mib: float | None
    os: str
    os_version: str | None


@dataclass(frozen=True, kw_only=True)
class App:
    """Which program measured."""

    name: str
    version: str
    build_type: str


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What was waited for before the first run."""

    kind: str
    limit: float | str
    start: float | str | None
    waited_s: float
    timed_out: bool


@dataclass(frozen=True, kw_only=True)
class Thermal:
    """How warm the device was."""

    state: str | None
    celsius: float | None
    headroom: float | None


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under what circumstances."""

    clocks_pinned: bool | None = None
    gate: Gate | None = None
    thermal_before: Thermal | None = None
    thermal_after: Thermal | None = None
    battery_percent: float | None = None
    charging: bool | None = None
    low_power: bool | None = None
    load_before: float | None = None


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """k of n."""

    index: int = 1
    of: int = 1


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Times, raw."""

    cold_load_ms: tuple[float, ...]
    warm_up_runs: int
    raw_ms: tuple[float, ...]
    started_s: tuple[float, ...] | None = None
    quick: bool = False
    clock: str = "wall"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Of the whole process."""

    kind: str
    baseline_mib: float
    loaded_mib: float
    peak_mib: float
    disposed_mib: float | None


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far an answer is from the one expected."""

    against: str
    case: str
    tensor: str
    statistic: str
    value: float | None
    limit: float | None
    passed: bool | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    measured_at: str
    case: str
    pass_: str
    """The key is "pass" in the file, which is no name in Python."""
    stage: str
    status: str
    reason: str = ""
    is_sample: bool = False
    subject: Subject
    engine: Engine
    device: Device
    app: App
    conditions: Conditions
    repeat: Repeat = field(default_factory=Repeat)
    timing: Timing | None = None
    memory: Memory | None = None
    parity: tuple[Parity, ...] = ()
    figures: dict[str, float | None] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the measurements of one run apart."""
        return self.pass_, self.case, self.repeat.index

    def to_line(self) -> str:
        """The line of the file, without its end.

        Raises:
            ReblurError: it does not fit the schema.
        """
        document = as_document(self)
        check(document, self.case)
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


_PARTS: dict[str, Any] = {
    "subject": Subject,
    "engine": Engine,
    "device": Device,
    "app": App,
    "conditions": Conditions,
    "repeat": Repeat,
    "timing": Timing,
    "memory": Memory,
}
_CONDITIONS: dict[str, Any] = {"gate": Gate, "thermal_before": Thermal, "thermal_after": Thermal}


def as_document(row: Row) -> dict[str, Any]:
    """What ``json.dumps`` takes."""
    document = dataclasses.asdict(row)
    return json.loads(json.dumps({("pass" if key == "pass_" else key): value for key, value in document.items()}))


def from_document(document: dict[str, Any]) -> Row:
    """The record of a document that fits the schema."""
    values = {("pass_" if key == "pass" else key): value for key, value in document.items()}
    for name, kind in _PARTS.items():
        values[name] = _record(kind, values[name])
    conditions = values["conditions"]
    known = {name: _record(kind, getattr(conditions, name)) for name, kind in _CONDITIONS.items()}
    values["conditions"] = dataclasses.replace(conditions, **known)
    values["parity"] = tuple(Parity(**entry) for entry in values["parity"])
    return Row(**values)


def _record(kind: Any, value: dict[str, Any] | None) -> Any:
    if value is None:
        return None
    return kind(**{name: tuple(item) if isinstance(item, list) else item for name, item in value.items()})


@cache
def _validator() -> Any:
    import jsonschema

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def check(document: Any, where: str) -> None:
    """Hold a document against the schema.

    Raises:
        ReblurError: it does not fit; says where and why.
    """
    if isinstance(document, dict) and document.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        found = document["schema_version"]
        raise ReblurError(f"{where} is a row of schema version {found}, expected {SCHEMA_VERSION}: update the reader")
    faults = sorted(_validator().iter_errors(document), key=lambda fault: list(map(str, fault.absolute_path)))
    if faults:
        told = [f"{'.'.join(map(str, fault.absolute_path)) or 'the row'}: {fault.message[:160]}" for fault in faults]
        more = f"; and {len(told) - MOST_FAULTS} more" if len(told) > MOST_FAULTS else ""
        raise ReblurError(f"{where} is no measurement row: {'; '.join(told[:MOST_FAULTS])}{more}")


def read_rows(path: Path) -> list[Row]:
    """The rows of a file.

    Raises:
        ReblurError: there is no such file, or a line of it is no row.
    """
    if not path.is_file():
        raise ReblurError(f"no rows at {path}: measure first, for example with python -m benchmarks.latency")
    return [
        from_document(parsed(line, f"{path}, line {number}"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    ]


def parsed(line: str, where: str) -> dict[str, Any]:
    """The document of a line.

    Raises:
        ReblurError: it is no JSON, or no row.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReblurError(f"{where} is not JSON ({error})") from error
    check(document, where)
    return document


class Journal:
    """A file of rows that grows by one line a measurement: a run that was stopped goes on where it was.

    Args:
        path: the file; made at the first row. A line that was cut short by a stop is dropped.

    Raises:
        ReblurError: the file has a line that is no row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
        self.rows = read_rows(path) if path.is_file() else []

    @property
    def run_id(self) -> str | None:
        """Of the rows that are there; None of an empty file."""
        return self.rows[-1].run_id if self.rows else None

    def has(self, pass_: str, case: str) -> bool:
        """Whether it has been measured, or found not to run, already."""
        return any((row.pass_, row.case) == (pass_, case) and row.status != "failed" for row in self.rows)

    def add(self, row: Row) -> None:
        """Write a row at once.

        Raises:
            ReblurError: it does not fit the schema, or the file cannot be written.
        """
        line = row.to_line()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ReblurError(f"cannot write {self.path}: {error.strerror}") from error
        self.rows.append(row)


def latest(rows: Iterable[Row]) -> Iterator[Row]:
    """The last row of each measurement, in the order of the first: a second try takes the place of a failed one."""
    found: dict[tuple[str, str, str, int], Row] = {}
    for row in rows:
        found[row.run_id, *row.key] = row
    return iter(found.values())
