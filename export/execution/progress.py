"""Progress of a long command on standard error: a bar on a terminal, a line per step elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any, TextIO


class Progress:
    """Shows which step runs and how many are left; steps may overlap.

    The bar writes to a duplicate of standard error: it stays visible while ``runtime.system.silence`` has the original.
    """

    def __init__(self, steps: int = 0) -> None:
        self._steps = steps
        self._started_steps = 0
        self._started = time.monotonic()
        self._terminal: TextIO | None = None
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._terminal = os.fdopen(os.dup(2), "w")
            shape = "{percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt}  {elapsed}  {desc}"
            self._bar = tqdm(total=self._steps, file=self._terminal, bar_format=shape, leave=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._terminal is not None:
            self._terminal.close()

    def add(self, steps: int) -> None:
        """Announce that there are more steps than was known."""
        self._steps += steps
        if self._bar is not None:
            self._bar.total = self._steps
            self._bar.refresh()

    def start(self, step: str) -> None:
        """Announce a step that begins now."""
        self._started_steps += 1
        if self._bar is not None:
            self._bar.set_description_str(step)
        else:
            seconds = time.monotonic() - self._started
            print(f"[{self._started_steps}/{self._steps}] {seconds:5.0f} s  {step}", file=sys.stderr, flush=True)

    def say(self, sentence: str) -> None:
        """Write a line that stays."""
        if self._bar is not None:
            self._bar.write(sentence, file=self._terminal)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Count a step as done."""
        if self._bar is not None:
            self._bar.update()
