"""One optimiser step of the two-stage method."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from train.config import RunConfig
from train.data.pool import Batch
from train.losses import Terms, reblur_terms, stage_one, stage_two
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.reblur import ReblurNet, Reblurred


class Networks(NamedTuple):
    """The three networks in training."""

    deblur: DeblurNet
    defocus: DefocusNet
    reblur: ReblurNet


class StepResult(NamedTuple):
    """What a step computed, for the log and the pictures."""

    terms: Terms
    restored: Tensor
    sigma_px: Tensor
    reblurred: Reblurred


def build_networks(config: RunConfig) -> Networks:
    """Freshly initialised networks; seed torch before."""
    networks = config.networks
    return Networks(
        DeblurNet(networks.deblur, networks.sigma_max_px),
        DefocusNet(networks.defocus, networks.sigma_max_px),
        ReblurNet(networks.reblur, networks.kernel_radii),
    )


def in_stage_one(step: int, config: RunConfig) -> bool:
    """Whether ``step`` belongs to stage 1."""
    return step < config.fit.stage_one_share * config.fit.steps


def prior_ramp(step: int, config: RunConfig) -> float:
    """Factor on the sigma prior: from about 0 to 1 over stage 1, then 1."""
    stage_one_steps = config.fit.stage_one_share * config.fit.steps
    return 1.0 if step >= stage_one_steps else (step + 1) / stage_one_steps


def compute_losses(networks: Networks, batch: Batch, step: int, config: RunConfig) -> StepResult:
    """All terms of the stage that ``step`` belongs to.

    The prior enters the deblurring network without gradient: sigma has to stay in pixels, taught by the
    reblurring module alone, not become whatever helps to deblur.
    """
    first_stage = in_stage_one(step, config)
    sigma_px = networks.defocus(batch.blurry)
    restored = networks.deblur(batch.blurry, sigma_px.detach() * prior_ramp(step, config))
    deform = stage_one if first_stage else stage_two
    terms, moved, mask = deform(restored, batch, config.loss)
    more, reblurred = reblur_terms(
        networks.reblur, restored, moved.detach(), mask, sigma_px, batch.blurry, config.loss,
        tie_restored=not first_stage,
    )  # fmt: skip
    return StepResult(terms | more, restored, sigma_px, reblurred)


def optimise(terms: Terms, networks: Networks, optimiser: torch.optim.Optimizer, clip_norm: float) -> None:
    """Backward, clip each network by itself, step.

    Raises:
        FloatingPointError: a term is infinite or not a number.
    """
    optimiser.zero_grad(set_to_none=True)
    total = torch.stack(list(terms.values())).sum()
    if not torch.isfinite(total):
        values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
        raise FloatingPointError(f"training diverged, the loss is no number ({values}): lower the learning rate")
    total.backward()
    for network in networks:
        nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
    optimiser.step()
