"""Progress bars: on a terminal a bar, in a log file a plain line every half minute."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

LINE_EVERY_S = 30.0


def progress_bar(iterable: Any = None, *, visible: bool = True, **shape: Any) -> Any:
    """A bar of ``tqdm`` for this stderr.

    Args:
        iterable: as tqdm takes it, or None.
        visible: False shows nothing at all.
        shape: as tqdm takes it: total, desc, unit, leave.
    """
    if sys.stderr.isatty() or not visible:
        return tqdm(iterable, disable=not visible, **shape)
    return tqdm(
        iterable,
        file=_Lines(),
        bar_format="{desc}: {n_fmt} of {total_fmt}, {elapsed}",
        delay=LINE_EVERY_S,
        mininterval=LINE_EVERY_S,
        maxinterval=LINE_EVERY_S,
        **shape,
    )


class _Lines:
    """Takes what tqdm writes over one line of a terminal, and writes lines."""

    def write(self, text: str) -> None:
        line = text.strip()
        if line:
            print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Lines are flushed already."""
