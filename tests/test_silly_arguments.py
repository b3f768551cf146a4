"""Arguments that make no sense, for every command: one sentence and exit code 2, at once, and nothing written.

The lists are made from the commands' own parsers, so a new command and a new flag are asked as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from runtime.system.commands import COMMANDS

NO_NUMBERS = ("x", "", "1e999", "--", "0x10", "99999999999999999999", "-1", "nan")
"""No whole number of any flag; the last but two are numbers out of every range."""
LONG_NAME = "x" * 300


def options_of(command: str) -> list[argparse.Action]:
    """Flags that take a value."""
    parser = import_module(COMMANDS[command].module).parser(None)
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return [action for action in shown if action.option_strings and action.nargs is None and action.metavar != "FOLDER"]


def is_number(action: argparse.Action) -> bool:
    return action.metavar in ("N", "PX", "STEPS") and action.type not in (None, Path, str)


def silly() -> Iterator[list[str]]:
    """Lists of arguments, the command's name first."""
    for name in COMMANDS:
        yield [name, "--no-such-flag"]
        yield [name, "--vers"]
        yield [name, "one", "two", "three", "--four"]
        for action in options_of(name):
            flag = action.option_strings[0]
            yield [name, flag]
            if action.choices is not None:
                yield [name, flag, "no such choice"]
            elif is_number(action):
                yield from ([name, f"{flag}={value}"] for value in NO_NUMBERS)


SILLY = list(silly())


def test_there_are_enough() -> None:
    assert len(SILLY) >= 100
    assert {arguments[0] for arguments in SILLY} == set(COMMANDS)


@pytest.mark.parametrize("arguments", SILLY, ids=" ".join)
def test_one_sentence(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *rest = arguments
    assert import_module(COMMANDS[name].module).main(rest, f"reblur {name}") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 400
    assert list(tmp_path.iterdir()) == []


NO_FILES = (
    ["refocus", LONG_NAME, "--focus", "0.5,0.5", "--out", "x.png"],
    ["refocus", "absent.jpg", "--focus", "0.5,0.5", "--out", "x.png"],
    ["refocus", ".", "--focus", "0.5,0.5", "--out", "x.png"],
    ["refocus", "absent.jpg", "--focus", "0.5,0.5", "--out", f"{LONG_NAME}.png"],
    ["refocus", "absent.jpg", "--focus", "nan,0.5", "--out", "x.png"],
    ["refocus", "absent.jpg", "--focus", "0.5", "--out", "x.png"],
    ["refocus", "absent.jpg", "--focus", "0.5,0.5", "--out", "x.png", "--aperture", "0"],
    ["refocus", "absent.jpg", "--focus", "0.5,0.5", "--out", "x.png", "--aperture", "nan"],
    ["selftest", "absent"],
    ["selftest", LONG_NAME],
    ["train", "--preset", "no such preset"],
    ["train", "--photos", "absent"],
    ["train", "--pairs", LONG_NAME],
    ["train", "--init", "absent.safetensors"],
    ["evaluate", "--checkpoint", "absent.safetensors"],
    ["evaluate", "--checkpoint", LONG_NAME],
    ["evaluate", "--photos", "absent"],
    ["ablate", "--variants", "no such variant"],
    ["qat", "--checkpoint", "absent.safetensors"],
    ["qat", "--photos", "absent"],
    ["export", "--checkpoint", "absent.safetensors"],
    ["export", "--checkpoint", LONG_NAME],
    ["export", "--size", "a,b"],
    ["export", "--size", "0x0"],
    ["export", "--size", "99999999999x16"],
    ["export", "--recipes", "no-such"],
    ["export", "--exclude", "no-such"],
    ["export", "--exclude", "*"],
    ["export", "--formats", "gguf"],
    ["export", "--graphs", ""],
    ["export", "--sign", "absent.pem"],
    ["verify", "absent"],
    ["verify", LONG_NAME],
    ["verify", "."],
    ["report", "absent"],
    ["controls", "--size", "a,b"],
    ["controls", "--checkpoint", "absent.safetensors"],
    ["lint", "absent.tflite"],
    ["lint", f"{LONG_NAME}.tflite"],
    ["lint", "."],
    ["bench-refocus", "--size", "0"],
    ["bench-int8-maps", "absent"],
)


@pytest.mark.parametrize("arguments", NO_FILES, ids=lambda words: " ".join(words)[:60])
def test_what_is_not_there(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *rest = arguments
    assert import_module(COMMANDS[name].module).main(rest, f"reblur {name}") == 2
    printed = capsys.readouterr()
    *progress, line = printed.err.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in printed.err
    assert all(words.startswith(("[", "warning: ")) for words in progress)
    assert list(tmp_path.iterdir()) == []
