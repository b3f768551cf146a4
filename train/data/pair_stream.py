"""Pairs in the order of their numbers, made by processes of their own, so that a GPU does not wait for them."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

AHEAD = 4
"""Pairs that each process makes before they are asked for."""


class Numbered(Dataset[Tensor]):
    """What ``make`` makes of a number, as a data set."""

    def __init__(self, make: Callable[[int], Tensor]) -> None:
        self.make = make

    def __getitem__(self, index: int) -> Tensor:
        """One made pair."""
        return self.make(index)


def pair_stream(make: Callable[[int], Tensor], numbers: range, workers: int = 0) -> Iterator[Tensor]:
    """``make(i)`` for each i of ``numbers``, in order, the same however many processes make them.

    Args:
        make: a pure function of the number; it must not touch a GPU.
        numbers: of the pairs that will be asked for.
        workers: processes; 0: each pair is made when it is asked for, by the process that asks.
    """
    # A generator of its own: the loader draws a seed that nothing here uses, and would disturb everybody's else.
    loader = DataLoader(
        Numbered(make),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_begin if workers else None,
        multiprocessing_context=_start_method() if workers else None,
        generator=torch.Generator(),
    )
    return iter(loader)


def _start_method() -> str:
    """Not fork: a child of a process whose OpenCV or OpenMP has threads waits for ever for threads it does not have."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _begin(worker: int) -> None:
    """One thread each; and Ctrl-C, which the terminal sends to all, is the business of the process that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
