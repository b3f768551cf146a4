"""Several processes that train one set of networks: one GPU each, on one machine or many, started by ``torchrun``.

Every process holds the same weights and the same pool of pairs, and takes its share of the global batch
(``PairPool.next_batch``). The gradients are averaged by one explicit all-reduce before they are clipped. That is
what DistributedDataParallel does in buckets while the backward pass still runs; its overlap saves nothing for
networks of this size, and it wants one module with one forward, where here one loss runs through three networks,
some of them twice or not at all. Explicitly it is one call that can be read, and exact: the mean of equal shares is
the mean of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from runtime.system.errors import ReblurError

TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others; the first evaluates and writes while they do."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class World:
    """The processes of a run; without any other, every method is the identity."""

    rank: int = 0
    """Of this process among all."""
    size: int = 1
    """Number of processes."""
    local_rank: int = 0
    """Of this process among those on its machine: the number of its GPU."""

    @property
    def is_first(self) -> bool:
        """Whether this process logs, evaluates and writes."""
        return self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Make sure that all processes get equally many crops.

        Raises:
            ReblurError: they do not.
        """
        if batch_size % self.size:
            raise ReblurError(
                f"a batch of {batch_size} cannot be split evenly over {self.size} processes: "
                f"give --batch-size a multiple of {self.size}"
            )

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes, on each of them; without gradient."""
        if self.size == 1:
            return values.detach()
        total = values.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process: all get the same answer at the same step."""
        if self.size == 1:
            return flag
        found = torch.tensor([flag], dtype=torch.uint8)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found)

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over all processes.

        A parameter without a gradient in some processes counts as 0 there; without one in any it stays without, so
        that the optimiser passes it over as it does in a single process.
        """
        if self.size == 1:
            return
        own = [p for p in parameters if p.requires_grad]
        parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in own]
        present = torch.tensor([float(p.grad is not None) for p in own], device=own[0].device)
        flat = torch.cat([*parts, present])
        dist.all_reduce(flat)
        *means, present = (flat / self.size).split([p.numel() for p in own] + [len(own)])
        for parameter, mean, share in zip(own, means, present.tolist(), strict=True):
            if share == 0:
                continue
            if parameter.grad is None:
                parameter.grad = torch.empty_like(parameter)
            parameter.grad.copy_(mean.view_as(parameter))

    def from_first(self, make: Callable[[], Made]) -> Made:
        """What ``make`` returns in the first process, in all of them.

        Raises:
            ReblurError: ``make`` raised it in the first process.
        """
        if self.size == 1:
            return make()
        message: list[tuple[Literal["made", "error"], object]] = [("error", "")]
        if self.is_first:
            try:
                message = [("made", make())]
            except ReblurError as error:
                message = [("error", str(error))]
        dist.broadcast_object_list(message, src=0, device=torch.device("cpu"))
        outcome, content = message[0]
        if outcome == "error":
            raise ReblurError(content)
        return content  # type: ignore[return-value]  # what make() returned there


ALONE = World()
"""A run of one process."""


def world_from_environment() -> World:
    """What ``torchrun`` says of this process; ``ALONE`` where it did not start it."""
    environment = os.environ
    if int(environment.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    return World(int(environment["RANK"]), int(environment["WORLD_SIZE"]), int(environment.get("LOCAL_RANK", "0")))


@contextmanager
def joined(world: World, device: torch.device) -> Iterator[None]:
    """Connect the processes of ``world`` for the time of a run.

    Tensors on a GPU travel by NCCL; flags and objects, on the CPU, by gloo in either case.
    """
    if world.size == 1:
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=world.rank, world_size=world.size, timeout=TIMEOUT)
    try:
        yield
    finally:
        dist.destroy_process_group()
