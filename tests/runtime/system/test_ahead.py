"""Work ahead of who takes it: in order, never far ahead, with its errors in their place."""

from __future__ import annotations

import threading

import pytest

from runtime.system.ahead import computed_ahead


def test_results_come_in_the_order_of_their_items() -> None:
    first_may_end = threading.Event()

    def square(x: int) -> int:
        if x == 0:
            assert first_may_end.wait(10.0)
        else:
            first_may_end.set()
        return x * x

    assert list(computed_ahead(square, range(5))) == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]


def test_work_is_at_most_so_many_items_ahead() -> None:
    begun: list[int] = []
    for x, _ in computed_ahead(begun.append, range(9), workers=2):
        assert len(begun) <= x + 3


def test_an_error_is_raised_when_its_turn_comes() -> None:
    results = computed_ahead(lambda x: 1 / (2 - x), range(5))
    assert [next(results), next(results)] == [(0, 0.5), (1, 1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)
