"""Waits for a phone's rows, checks every one, and adds those that are new to a file on this computer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring.rows import Journal, Row, from_document, parsed
from benchmarks.measuring.session import tell
from benchmarks.phones.bridge import Phone
from runtime.system.errors import ReblurError

LOOK_EVERY_S = 10.0


def collect(
    phone: Phone,
    run_id: str,
    out: Path,
    quiet_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Row]:
    """Fetch rows until none has come for a while.

    Args:
        phone: that measures.
        run_id: of the run.
        out: file that rows are added to.
        quiet_s: how long nothing may come: the temperature gate alone may take half an hour.
        clock: seconds.
        sleep: waits so many seconds.

    Returns:
        The rows of this run, in order.

    Raises:
        ReblurError: a row does not fit, is of another run, or none came at all.
    """
    journal = Journal(out)
    known = {row.to_line() for row in journal.rows}
    taken, last = 0, clock()
    while True:
        lines = _whole_lines(phone.rows(run_id))
        for number, line in enumerate(lines[taken:], taken + 1):
            row = from_document(parsed(line, f"row {number} of the phone"))
            if row.run_id != run_id:
                raise ReblurError(f"row {number} of the phone is of the run {row.run_id}, expected {run_id}")
            if row.to_line() not in known:
                journal.add(row)
            tell(f"{row.case}, {row.pass_}: {row.status}{f', {row.reason}' if row.reason else ''}{_waited(row)}")
        if len(lines) > taken:
            taken, last = len(lines), clock()
        if clock() - last >= quiet_s:
            break
        sleep(LOOK_EVERY_S)
    if not taken:
        raise ReblurError(
            f"no row came for {quiet_s / 60:g} minutes: is the phone unlocked and the application in front?"
        )
    return [row for row in journal.rows if row.run_id == run_id]


def _whole_lines(text: str) -> list[str]:
    """Lines that have their end: the last one may still be being written."""
    return [line for line in text.split("\n")[:-1] if line.strip()]


def _waited(row: Row) -> str:
    gate = row.conditions.gate
    if gate is None:
        return ""
    late = ", though it was too warm" if gate.timed_out else ""
    return f" (waited {gate.waited_s:.0f} s at the gate, {gate.kind} {gate.start}{late})"
