from __future__ import annotations

import os

import pytest

from runtime.backends.base import cpu_threads


@pytest.mark.parametrize(("cores", "expected"), [(2, 2), (16, 4), (None, 1)])
def test_without_a_wish_there_are_as_many_threads_as_cores_up_to_four(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert cpu_threads(None) == expected
    assert cpu_threads(7) == 7
