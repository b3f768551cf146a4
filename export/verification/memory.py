"""How much memory a piece of work takes at most, in this process, beyond what the process had before."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

RESET_PEAK = "5"
"""What Linux takes for: the largest resident size is the one of now."""


def peak_mib(work: Callable[[], object]) -> float | None:
    """Do the work and say how much the resident memory grew at most; None where the system does not tell.

    What the process freed before and kept is given back first: the work would take it unnoticed.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (Path("/proc") / str(os.getpid()) / "clear_refs").write_text(RESET_PEAK, encoding="ascii")
        before = _resident_mib("VmRSS")
    except (OSError, KeyError):
        work()
        return None
    work()
    return round(max(0.0, _resident_mib("VmHWM") - before), 1)


def _resident_mib(name: str) -> float:
    """A figure of ``/proc``, in MiB."""
    lines = (Path("/proc") / str(os.getpid()) / "status").read_text(encoding="ascii").splitlines()
    figures = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(figures[name].split()[0]) / 1024.0
