"""Work on the next things while the last one is still looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def computed_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 2
) -> Iterator[tuple[Item, Result]]:
    """Each item with what a function makes of it, in order; threads are at most ``workers`` items ahead.

    It pays where the function spends its time in libraries that let other threads run, as NumPy, Pillow and the
    interpreters of graphs do.

    Raises:
        Exception: what the function raises, when its item's turn comes.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            pending.append((item, pool.submit(function, item)))
            if len(pending) > workers:
                done, future = pending.popleft()
                yield done, future.result()
        for done, future in pending:
            yield done, future.result()
