"""One step of a run: what the trainer and the ablation repeat."""

from __future__ import annotations

import time
from typing import NamedTuple

from torch import Tensor

from train.config import RunConfig
from train.data.pair_pool import Batch, PairPool
from train.loop.distributed import ALONE, World
from train.loop.optimise import optimise
from train.loop.run_state import RunState, learning_rate, reblur_alone
from train.objective.losses import triplet_maker
from train.objective.step import StepResult, compute_losses, stage_of


class Stepped(NamedTuple):
    """What a step saw and did."""

    batch: Batch
    """This process's share of it."""
    result: StepResult
    norms: dict[str, Tensor]
    """Gradient norm of each network before clipping."""
    waiting_s: float
    """Seconds spent waiting for the batch."""


def training_step(state: RunState, pool: PairPool, config: RunConfig, world: World = ALONE) -> Stepped:
    """Learning rate, the triplets of stage 3, batch, losses, optimiser, moving average; ``state`` is one step further.

    Args:
        state: of the run; changed in place.
        pool: at the same step.
        config: of the run.
        world: the processes that share the run.

    Raises:
        FloatingPointError: the training diverged.
    """
    alone = reblur_alone(state.step, config)
    for network in (state.networks.deblur, state.networks.defocus):
        network.requires_grad_(not alone)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, config)
    # While R is trained alone the others stand at the first step of their schedule.
    step = max(0, state.step - config.fit.reblur_first_steps)
    if not alone and stage_of(step, config) == 3 and pool.reblur is None:
        pool.make_triplets(triplet_maker(state.rest_reblurring()))
    started = time.perf_counter()
    batch = pool.next_batch(world.rank, world.size)
    waiting_s = time.perf_counter() - started
    result = compute_losses(state.networks, batch, step, config)
    norms = optimise(result.terms, state.networks, state.optimiser, config.fit.clip_norm, world)
    if not alone:
        state.update_average()
    state.step += 1
    return Stepped(batch, result, norms, waiting_s)
