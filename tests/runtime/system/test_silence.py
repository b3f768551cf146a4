from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

import pytest

from runtime.system import silence


def shout(where: str) -> None:
    print(where)
    print(where, file=sys.stderr)
    os.write(1, where.encode())
    os.write(2, where.encode())
    logging.getLogger("converter").error(where)
    warnings.warn_explicit(where, FutureWarning, "converter.py", 1, "converter")


def test_nothing_gets_through_from_python_or_below(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "HIDES_WARNINGS", True)
    with warnings.catch_warnings(record=True) as shown, silence.silence():
        shout("inside")
    assert not shown
    os.write(1, b"after")
    os.write(2, b"after")
    out, err = capfd.readouterr()
    assert (out, err) == ("after", "after")


def test_what_a_converter_warns_of_can_be_listed() -> None:
    """As these tests do."""
    with pytest.warns(FutureWarning, match="inside"), silence.silence():
        shout("inside")


def test_exceptions_pass_and_the_streams_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="converter"), silence.silence():
        raise RuntimeError("converter")
    print("after")
    assert capfd.readouterr().out == "after\n"
    assert logging.root.manager.disable == 0


def test_a_file_gets_what_python_and_what_is_below_say_silenced_or_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with silence.captured(tmp_path / "log"):
        shout("outside\n")
        with silence.silence():
            shout("inside\n")
    print("after")
    text = (tmp_path / "log").read_text()
    for where in ("outside", "inside"):
        assert text.count(f"{where}\n") >= 4, text
    assert "after" not in text
    assert "side" not in "".join(capfd.readouterr())


def test_the_streams_come_back_after_an_exception(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        with silence.captured(tmp_path / "log"):
            print("half a line", end="")
            raise RuntimeError("converter")

    with pytest.raises(RuntimeError, match="converter"):
        broken()
    assert (tmp_path / "log").read_text() == "half a line"
    with silence.silence():
        shout("hidden")
    print("after")
    assert capfd.readouterr() == ("after\n", "")


def test_no_descriptor_is_lost(tmp_path: Path) -> None:
    def next_descriptor() -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = next_descriptor()
    for _ in range(20):
        with silence.silence(), silence.captured(tmp_path / "log"), silence.silence():
            pass
    assert next_descriptor() == before
