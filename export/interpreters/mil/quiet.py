"""Silence around coremltools, which warns about every version newer than itself and draws progress bars."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

from runtime.system.silence import hidden_warnings


@contextlib.contextmanager
def quiet_warnings(level: int = logging.WARNING) -> Iterator[None]:
    """Hide Python warnings and log records up to ``level``; for importing coremltools."""
    previous = logging.root.manager.disable
    logging.disable(max(previous, level))
    try:
        with hidden_warnings():
            yield
    finally:
        logging.disable(previous)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide log records, warnings and all that is printed to stderr; exceptions pass. For converting.

    coremltools' progress bars have no switch: they write to whatever ``sys.stderr`` is when they start. Bars
    that the caller started before keep theirs. Error records are hidden too, since an exception follows each.
    """
    with quiet_warnings(logging.ERROR), contextlib.redirect_stderr(io.StringIO()):
        yield
