"""A progress line on a terminal; nothing where output goes to a file or a pipe."""

from __future__ import annotations

import sys
from typing import TextIO


class ProgressLine:
    """Counts steps as ``label 3/12``, on one line that is wiped at the end. Use it in a ``with`` statement.

    Args:
        label: what is going on.
        stream: where to write; None is stderr.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream if stream is not None else sys.stderr
        self._shown = ""

    def __call__(self, done: int, total: int) -> None:
        """Show how far things are."""
        if self._stream.isatty():
            self._write(f"{self._label} {done}/{total}")

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(len(self._shown)) + ("" if text else "\r"))
        self._stream.flush()
        self._shown = text
