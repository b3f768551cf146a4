"""What needs a process of its own: loading from cold, and memory.

    python -m benchmarks.measuring.fresh_process cold CASE
    python -m benchmarks.measuring.fresh_process memory CASE RUNS

CASE is ``Case.to_json``. The packages that a back end needs are imported before the clock starts and before memory is
looked at first: an application has them anyway.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring.cases import Case, open_case
from benchmarks.measuring.protocol import Effort
from benchmarks.measuring.rows import Memory
from runtime.system.child_processes import child_environment
from runtime.system.errors import ReblurError, first_line

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
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
    if not STATUS.is_file():
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


def _import(backend: str) -> None:
    for name in PACKAGES.get(backend, ()):
        __import__(name)


def _cold(case: Case) -> dict[str, float | None]:
    return {"ms": open_case(case).load_ms}


def _memory(case: Case, runs: int) -> dict[str, Any]:
    baseline = _read("VmRSS")
    opened = open_case(case)
    gc.collect()
    loaded = _read("VmRSS")
    CLEAR_REFS.write_text("5", encoding="ascii")  # the peak starts anew from what is held now
    for _ in range(runs):
        opened.run()
    peak = _read("VmHWM")
    del opened
    gc.collect()
    return dataclasses.asdict(
        Memory(kind="rss", baseline_mib=baseline, loaded_mib=loaded, peak_mib=peak, disposed_mib=_read("VmRSS"))
    )


def _read(entry: str) -> float:
    """A line of /proc/self/status in MiB: "VmRSS" is the memory now, "VmHWM" its peak."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(entry)) / 1024.0, 2)


def main() -> int:
    """The process's own side."""
    what, case, *more = sys.argv[1:]
    try:
        asked = Case.from_json(case)
        _import(asked.backend)
        print(json.dumps(_cold(asked) if what == "cold" else _memory(asked, int(more[0]))))
    except (ReblurError, ImportError) as error:
        print(f"error: {first_line(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
