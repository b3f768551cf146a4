from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from export.verification.memory import peak_mib
from runtime.system import memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process took at most")
def test_what_was_taken_and_given_back_counts_and_what_was_there_before_does_not() -> None:
    there = np.ones(2**24, np.uint8)
    first = peak_mib(lambda: np.ones(2**26, np.uint8).sum())
    then = peak_mib(lambda: there.sum())
    assert first is not None
    assert then is not None
    assert 60.0 < first < 90.0
    assert then < 30.0


def test_where_the_system_does_not_tell_the_work_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    monkeypatch.setattr(memory, "CLEAR_REFS", Path("/nowhere/clear_refs"))
    assert peak_mib(lambda: done.append(1)) is None
    assert done == [1]
