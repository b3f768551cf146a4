"""Types of arguments for argparse: each takes the text and says in a sentence what it expected."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

LARGEST = 2**31 - 1
"""What everybody's whole numbers hold."""
MOST_AT_ONCE = 1024
"""Threads or processes that no machine is asked for by intent."""


def at_least(minimum: int, maximum: int = LARGEST) -> Callable[[str], int]:
    """The type of a whole number from ``minimum`` up, to ``maximum``."""
    expected = f"{minimum} or more" if maximum == LARGEST else f"{minimum} to {maximum}"

    def whole_number(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text) or not minimum <= int(text) <= maximum:
            raise argparse.ArgumentTypeError(f"expected a whole number of {expected}, got {text!r}")
        return int(text)

    return whole_number


positive = at_least(1)


def number(minimum: float, maximum: float) -> Callable[[str], float]:
    """The type of a number of that range."""

    def real_number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(f"expected a number of {minimum:g} to {maximum:g}, got {text!r}")
        return value

    return real_number


def size_px(text: str) -> tuple[int, int]:
    """Height and width of a size such as 512x768."""
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH in pixels, for example 512x512, got {text!r}")
    return int(match[1]), int(match[2])


def existing_folder(text: str) -> Path:
    """A folder that is there."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no folder {text}" + (": it is a file" if path.exists() else ""))
    return path


def names_of(text: str) -> list[str]:
    """The names of a list such as tflite,onnx."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected names separated by commas, got none")
    return names


def some_of(kind: str, known: Sequence[str]) -> Callable[[str], list[str]]:
    """Type of a list such as tflite,onnx whose names must be known; ``kind`` says what they name."""

    def convert(text: str) -> list[str]:
        names = names_of(text)
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {kind} {name!r}: choose from {', '.join(known)}")
        return names

    return convert
