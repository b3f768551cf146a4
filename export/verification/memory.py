"""How much memory a piece of work takes at most, in this process, beyond what the process had before."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Callable

from runtime.system import memory


def peak_mib(work: Callable[[], object]) -> float | None:
    """Do the work and say how much the resident memory grew at most; None where the system does not tell.

    What the process freed before and kept is given back first: the work would take it unnoticed.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        memory.reset_peak()
        before = memory.resident_mib()
    except (OSError, KeyError):
        work()
        return None
    work()
    return round(max(0.0, memory.peak_mib() - before), 1)
