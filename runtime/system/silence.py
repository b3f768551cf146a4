"""Silence around the converters and interpreters, which log to the terminal from Python and from C++.

``silence`` throws away what they say, ``captured`` keeps it in a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
"""Read by the C++ side when it is loaded, so it is set before any converter is imported."""

_captures: list[Path] = []
"""Files that output goes to now, the innermost last."""

HIDES_WARNINGS = True
"""The tests turn it off: what a pinned tool warns of tells what its next version will break."""


@contextlib.contextmanager
def hidden_warnings() -> Iterator[None]:
    """Ignore Python's warnings, unless ``HIDES_WARNINGS`` was turned off; filters are as before afterwards."""
    with warnings.catch_warnings():
        if HIDES_WARNINGS:
            warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hide what is printed, logged or warned, by Python or by C++; exceptions pass.

    Within ``captured`` it hides nothing: no terminal is reached from there. A progress bar must write to a duplicate
    of standard error that was made before.
    """
    if _captures:
        yield
        return
    disabled = logging.root.manager.disable
    with contextlib.ExitStack() as stack:
        null = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, null)
        stack.callback(logging.disable, disabled)
        logging.disable(logging.CRITICAL)
        stack.enter_context(hidden_warnings())
        stack.enter_context(_redirected(null, io.StringIO()))
        yield


@contextlib.contextmanager
def captured(log: Path) -> Iterator[None]:
    """Send what is printed, logged or warned, by Python or by C++, to a file; exceptions pass.

    Args:
        log: made anew. Whole lines are in it at once, so that a crash loses none of Python's.

    Raises:
        OSError: the file cannot be written.
    """
    with log.open("w", buffering=1, encoding="utf-8", errors="backslashreplace") as stream:
        _captures.append(log)
        try:
            with _redirected(stream.fileno(), stream):
                yield
        finally:
            _captures.pop()


@contextlib.contextmanager
def _redirected(descriptor: int, stream: TextIO) -> Iterator[None]:
    """Let ``stream`` stand for Python's two streams, and ``descriptor`` for 1 and 2, to which C++ writes itself."""
    _flush()
    saved = [os.dup(own) for own in (1, 2)]
    try:
        for own in (1, 2):
            os.dup2(descriptor, own)
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield
            _flush()
    finally:
        _flush_c()
        for own, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, own)
            os.close(copy)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    _flush_c()


def _flush_c() -> None:
    """Write what C's own streams hold, before their descriptors mean something else."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
