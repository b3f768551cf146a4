"""Silence around the converters and interpreters, which log to the terminal from Python and from C++."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
"""Read by the C++ side when it is loaded, so it is set before any converter is imported."""


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hide what is printed, logged or warned, by Python or by C++; exceptions pass.

    C++ writes to the file descriptors 1 and 2 themselves, so these are sent to the null device. A progress bar
    must write to a duplicate made before (``terminal``).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    disabled = logging.root.manager.disable
    with contextlib.ExitStack() as stack:
        stack.callback(_restore, saved, disabled)
        null = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, null)
        for descriptor in (1, 2):
            os.dup2(null, descriptor)
        logging.disable(logging.CRITICAL)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


def _restore(saved: list[int], disabled: int) -> None:
    for descriptor, copy in zip((1, 2), saved, strict=True):
        os.dup2(copy, descriptor)
        os.close(copy)
    logging.disable(disabled)
