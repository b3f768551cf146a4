from __future__ import annotations

import logging
import os
import sys
import warnings

import pytest

from runtime.system.silence import silence


def shout(where: str) -> None:
    print(where)
    print(where, file=sys.stderr)
    os.write(1, where.encode())
    os.write(2, where.encode())
    logging.getLogger("converter").error(where)
    warnings.warn(where, stacklevel=1)


def test_nothing_gets_through_from_python_or_below(capfd: pytest.CaptureFixture[str]) -> None:
    with silence():
        shout("inside")
    os.write(1, b"after")
    os.write(2, b"after")
    out, err = capfd.readouterr()
    assert (out, err) == ("after", "after")


def test_exceptions_pass_and_the_streams_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="converter"), silence():
        raise RuntimeError("converter")
    print("after")
    assert capfd.readouterr().out == "after\n"
    assert logging.root.manager.disable == 0


def test_no_descriptor_is_lost() -> None:
    def next_descriptor() -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = next_descriptor()
    for _ in range(20):
        with silence():
            pass
    assert next_descriptor() == before
