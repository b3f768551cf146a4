"""Argument types, documents and ends of commands; ``tests/test_commands.py`` runs the commands themselves."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from runtime.system.argument_types import at_least, names_of, size_px
from runtime.system.command_line import print_json, run_command


@pytest.mark.parametrize(("text", "value"), [("512x768", (512, 768)), ("1x1", (1, 1))])
def test_sizes(text: str, value: tuple[int, int]) -> None:
    assert size_px(text) == value


@pytest.mark.parametrize("text", ["512", "0x512", "512x", "a,b", "512x512x3", "-1x4", "64 x 64", ""])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected HEIGHTxWIDTH in pixels, for example 512x512, got"):
        size_px(text)


@pytest.mark.parametrize("text", ["1", "1.5", "two", "", "٣", "1_0"])
def test_whole_numbers_are_digits_from_the_least_up(text: str) -> None:
    assert at_least(2)("2") == 2
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number of 2 or more, got"):
        at_least(2)(text)


def test_names_are_separated_by_commas() -> None:
    assert names_of("a, b,") == ["a", "b"]
    with pytest.raises(argparse.ArgumentTypeError):
        names_of(" , ")


@dataclass(frozen=True)
class Row:
    name: str
    values: tuple[float, ...]


def test_json_has_no_nan_and_records_are_objects(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"rows": [Row("a", (1.0, math.nan, -math.inf))], "count": 2, "none": None})
    expected = {"rows": [{"name": "a", "values": [1.0, None, None]}], "count": 2, "none": None}
    assert json.loads(capsys.readouterr().out) == expected


def failing(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "x.bin"), "x.bin: No such file or directory"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)), "Broken pipe"),  # not of stdout: somebody reads that
        (OSError("odd"), "odd"),
    ],
)
def test_errors_of_the_system_are_one_sentence(
    error: OSError, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("export.lint", failing(error)) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="a bug"):
        run_command("export.lint", failing(ValueError("a bug")))
