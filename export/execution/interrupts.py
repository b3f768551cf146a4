"""Ctrl-C and SIGTERM, also where a converter swallows them."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Raises KeyboardInterrupt at the first SIGINT or SIGTERM within a ``with`` block, and remembers it.

    A signal that arrives inside C++ is raised when Python runs next, which may be in a callback whose caller turns
    every exception into one of its own. ``check`` after each stage therefore raises again what got lost. Later
    signals are ignored, so that the clean-up runs to its end.
    """

    def __init__(self) -> None:
        self._seen = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        # Python lets only the main thread handle signals.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came at any time before."""
        if self._seen:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._seen:
            self._seen = True
            raise KeyboardInterrupt
