"""What is measured, in plain values, so that another process can open the very same by them."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.measuring.protocol import Run
from benchmarks.measuring.rows import Engine, Parity, Subject


@dataclass(frozen=True, kw_only=True)
class Case:
    """One candidate: a thing, at a size, by a back end, on so many threads."""

    kind: str
    """Key of ``OPENERS``."""
    stage: str
    """As in a row."""
    id: str
    """As in a row's subject."""
    backend: str
    """As in a row's engine."""
    precision: str | None
    """As in a row's subject."""
    size_px: tuple[int, int]
    """Height and width of the picture."""
    threads: int | None = None
    """CPU threads; None leaves it to the runtime."""
    accelerator: str = "cpu"
    """Asked for."""
    source: str = ""
    """Folder of the export, or of the files, that it is in; empty for code."""

    @property
    def name(self) -> str:
        """As a row's case."""
        height, width = self.size_px
        threads = "auto" if self.threads is None else f"{self.threads}t"
        return f"{self.stage}/{self.id}/{height}x{width}/{self.backend}-{self.accelerator}/{threads}".lower()

    @property
    def megapixels(self) -> float:
        """Of the picture."""
        return self.size_px[0] * self.size_px[1] / 1e6

    def to_json(self) -> str:
        """For the command line of another process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Case:
        """The reverse."""
        values = json.loads(text)
        return cls(**{**values, "size_px": tuple(values["size_px"])})


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A candidate, loaded."""

    run: Run
    """Runs it once on inputs that are ready."""
    subject: Subject
    """For the row."""
    engine: Engine
    """For the row."""
    load_ms: float | None = None
    """From its files to the loaded thing; None where nothing is loaded."""
    parity: Callable[[], tuple[Parity, ...]] = field(default=lambda: ())
    """Compares its answer with the one expected, where there is one."""


BACKENDS = ("tflite", "onnx", "executorch")
"""That run on any desktop's processor."""
WHOLES = ("first_open", "tap", "total")
"""Stages that are several in one: all that comes before a tap, a tap, and file to file."""
PACKAGE = "benchmarks.candidates"
OPENERS: dict[str, str] = {
    "artifact": f"{PACKAGE}.artifacts",
    "pipeline": f"{PACKAGE}.pipelines",
    "network": f"{PACKAGE}.networks",
    "blur": f"{PACKAGE}.blurs",
    "kernel": f"{PACKAGE}.kernels",
    "training": f"{PACKAGE}.training",
}
"""Kind of a case -> module whose ``open_case`` loads it; imported when it is first asked for."""


def open_case(case: Case) -> Opened:
    """Load a candidate.

    Raises:
        ReblurError: it cannot be run here; the sentence is the reason.
    """
    return importlib.import_module(OPENERS[case.kind]).open_case(case)
