"""The one exception that stands for a user's mistake, and how any exception is told in one line."""

from __future__ import annotations


class ReblurError(ValueError):
    """Something given to Reblur cannot be used: a sentence says what was expected, what came and what to do.

    Commands print it and end with exit code 2. Any other exception is a fault of the program and keeps its traceback.
    """


def first_line(error: BaseException) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def reason_of(error: BaseException) -> str:
    """First line, with the type of the exception before it unless it is one of ours."""
    line = first_line(error)
    return line if isinstance(error, ReblurError) or line == type(error).__name__ else f"{type(error).__name__}: {line}"
