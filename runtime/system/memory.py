"""Resident memory of this process, where the system tells it: Linux, in /proc."""

from __future__ import annotations

from pathlib import Path

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""What Linux takes for: the largest resident size is the one of now."""


def resident_mib() -> float:
    """What it has now.

    Raises:
        OSError: the system does not tell.
    """
    return _figure_mib("VmRSS")


def peak_mib() -> float:
    """The most that it ever had, or has had since ``reset_peak``.

    Raises:
        OSError: the system does not tell.
    """
    return _figure_mib("VmHWM")


def reset_peak() -> None:
    """Let the peak start anew from what is held now.

    Raises:
        OSError: the system has no such thing.
    """
    CLEAR_REFS.write_text(RESET_PEAK, encoding="ascii")


def _figure_mib(name: str) -> float:
    figures = dict(line.split(":", 1) for line in STATUS.read_text(encoding="ascii").splitlines() if ":" in line)
    return int(figures[name].split()[0]) / 1024.0
