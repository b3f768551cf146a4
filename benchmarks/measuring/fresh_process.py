"""What needs a process of its own: loading from cold, and memory.

    python -m benchmarks.measuring.fresh_process cold CASE
    python -m benchmarks.measuring.fresh_process memory CASE RUNS

CASE is ``Case.to_json``. The packages that a back end needs are imported before the clock starts and before memory is
looked at first, since an application has them anyway; and so is what only the measurement needs.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.measuring.cases import OPENERS, Case, open_case
from benchmarks.measuring.protocol import Effort
from benchmarks.measuring.rows import Memory
from runtime.system import memory as resident
from runtime.system.child_processes import child_environment
from runtime.system.errors import ReblurError, first_line

LIMIT_S = 600.0
PACKAGES: dict[str, tuple[str, ...]] = {
    "tflite": ("ai_edge_litert.interpreter", "PIL.Image"),
    "onnx": ("onnxruntime", "PIL.Image"),
    "executorch": ("torch", "executorch.runtime", "PIL.Image"),
    "torch": ("torch", "export.graphs.specs", "train.checkpoint", "PIL.Image"),
    "opencv": ("cv2", "torch"),
    "numba": ("numba", "torch"),
    "scipy": ("scipy.ndimage", "torch"),
    "numpy": ("numpy", "PIL.Image"),
}
"""Back end -> what it imports."""


def cold_loads(case: Case, effort: Effort) -> tuple[float, ...]:
    """Milliseconds from file to loaded model, each in a fresh process.

    Raises:
        ReblurError: it cannot be loaded.
    """
    return tuple(float(_ask("cold", case)["ms"]) for _ in range(effort.cold_loads))


def memory(case: Case, effort: Effort) -> Memory:
    """Resident memory of a process that does nothing but run it.

    Raises:
        ReblurError: it cannot be run, or this system does not tell memory.
    """
    if not resident.STATUS.is_file():
        raise ReblurError("memory is read from /proc, which only Linux has")
    return Memory(**_ask("memory", case, str(effort.memory_runs)))


def _ask(what: str, case: Case, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.measuring.fresh_process", what, case.to_json(), *more]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=child_environment(), timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ReblurError(f"{what} took more than {LIMIT_S:g} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        raise ReblurError(said[-1].removeprefix("error: "))
    return json.loads(done.stdout.strip().splitlines()[-1])


def _import(case: Case) -> None:
    for name in (*PACKAGES.get(case.backend, ()), OPENERS[case.kind]):
        importlib.import_module(name)


def _cold(case: Case) -> dict[str, float | None]:
    return {"ms": open_case(case).load_ms}


def _memory(case: Case, runs: int) -> dict[str, Any]:
    baseline = _mib(resident.resident_mib)
    opened = open_case(case)
    gc.collect()
    loaded = _mib(resident.resident_mib)
    resident.reset_peak()
    for _ in range(runs):
        opened.run()
    peak = _mib(resident.peak_mib)
    del opened
    gc.collect()
    disposed = _mib(resident.resident_mib)
    return dataclasses.asdict(
        Memory(kind="rss", baseline_mib=baseline, loaded_mib=loaded, peak_mib=peak, disposed_mib=disposed)
    )


def _mib(figure: Callable[[], float]) -> float:
    return round(figure(), 2)


def main() -> int:
    """The process's own side."""
    what, case, *more = sys.argv[1:]
    try:
        asked = Case.from_json(case)
        _import(asked)
        print(json.dumps(_cold(asked) if what == "cold" else _memory(asked, int(more[0]))))
    except (ReblurError, ImportError) as error:
        print(f"error: {first_line(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
