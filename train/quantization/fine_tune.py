"""Fine-tuning one network for int8 with its float self as the teacher."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from train.checkpoint import Deployable
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.objective.losses import charbonnier, low_logits
from train.progress import progress_bar
from train.quantization.crops import Pictures, crops, photograph_crops, vary_map
from train.quantization.equalization import equalise_stem
from train.quantization.fake_quant import Inputs, SimulatedInt8
from train.quantization.settings import Int8Settings

LEAST_RESIDUAL = 0.005
"""Root mean square of a residual, in sRGB, from which on errors count relative to it."""
MEASURING_STEP = 1_000_000_000
"""Crops of this step and the next ones are for the figures only."""


@dataclass(frozen=True, kw_only=True)
class QatConfig:
    """How the networks are fine-tuned."""

    steps: int = 1000
    """Optimiser steps of each network."""
    batch_size: int = 8
    """Crops per step."""
    crop_px: int = 128
    """Side of a crop."""
    scenes: int = 96
    """Synthetic scenes to take crops of."""
    scene_px: int = 192
    """Their side."""
    learning_rates: Mapping[str, float]
    """Network -> peak rate; it falls to nothing along a cosine, after a twentieth of warm-up."""
    charbonnier_eps: Mapping[str, float]
    """Network -> eps of the loss sqrt(d^2 + eps^2), in the unit of its output: smaller differences count squared.

    Those of the deblurring network count relative to what it adds to the crop."""
    settings: Mapping[str, Int8Settings]
    """Network -> what stays float in int8, and the ranges."""
    measure_every: int = 50
    """Steps after which the ranges of the activations are measured again."""
    measure_batches: int = 5
    """Batches they are measured on, and the figures as well."""
    range_variation: float = 0.2
    """In each step every range is wider or narrower than measured by a random factor up to 1 + this."""
    logit_weight: float = 0.01
    """Weight of what the estimator's logits lie below the smallest that means anything: they widen its head's range."""
    seed: int = 0
    """Of the crops."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "scenes", "measure_every", "measure_batches"):
            if getattr(self, name) < 1:
                raise ReblurError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 16 <= self.crop_px <= self.scene_px or self.crop_px % 16:
            raise ReblurError(
                f"crop_px must be a multiple of 16 from 16 to scene_px ({self.scene_px}), got {self.crop_px}"
            )


class FineTuned(NamedTuple):
    """What came out for one network; both figures are root mean square errors against the float network."""

    weights: dict[str, Tensor]
    """Float weights by their names in the network."""
    before: float
    """Error of the float weights, quantised as they are, in the output's unit (sRGB, or pixels of sigma)."""
    after: float
    """Error of the fine-tuned weights, quantised."""


Feed = Callable[[Tensor, int], Inputs]
"""From crops (B, 3, H, W) and the step to the inputs of the network that is fine-tuned."""


def fine_tune_networks(networks: Deployable, pictures: Pictures, config: QatConfig) -> dict[str, FineTuned]:
    """Fine-tune both networks, the estimator first; "defocus" and "deblur" of the same seed are always the same."""

    def feed_deblur(image: Tensor, step: int) -> Inputs:
        # The float estimator's map, so that the two networks can be fine-tuned and used apart.
        return image, vary_map(networks.defocus(image), networks.config.sigma_max_px, config.seed, step)

    return {
        "defocus": fine_tune("defocus", networks.defocus, lambda image, _: (image,), pictures, config),
        "deblur": fine_tune("deblur", networks.deblur, feed_deblur, pictures, config),
    }


def fine_tune(
    name: str, teacher: DeblurNet | DefocusNet, feed: Feed, pictures: Pictures, config: QatConfig
) -> FineTuned:
    """Fine-tune one network so that its int8 form follows its float form.

    Args:
        name: of the network in the config's tables.
        teacher: the float network, which is not changed.
        feed: its inputs.
        pictures: to take crops of.
        config: how.

    Raises:
        ReblurError: the error is not a number any more.
    """
    teacher = copy.deepcopy(teacher).requires_grad_(False)
    if isinstance(teacher, DeblurNet):
        # The fade would hide what the network answers where blur is small, and rounding hurts small answers most.
        teacher.fade = NoFade()
    batch = (config.batch_size, config.crop_px, config.seed)
    with torch.no_grad():
        ranges = [feed(c, step) for step, c in enumerate(_photographs(pictures, config))]
        measured = [
            feed(crops(pictures, *batch, MEASURING_STEP + i), MEASURING_STEP + i) for i in range(config.measure_batches)
        ]
        start = copy.deepcopy(teacher)
        equalise_stem(start, start.unet, ranges)
        before = _error(_simulated(teacher, ranges, config.settings[name]), teacher, measured)
        student = _simulated(start, ranges, config.settings[name])
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(student.parameters(), lr=config.learning_rates[name])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, config.steps))
    for step in progress_bar(range(config.steps), desc=f"fine-tuning {name}", unit="step", leave=False):
        if step and step % config.measure_every == 0:
            student.measure_ranges(ranges)
        with torch.no_grad():
            inputs = feed(crops(pictures, *batch, step), step)
            wanted = teacher(*inputs)
        student.vary_ranges(config.range_variation, generator)
        answer = student(*inputs)
        differences = charbonnier(answer - wanted, config.charbonnier_eps[name])
        if isinstance(teacher, DeblurNet):
            differences = differences / size_of(wanted - inputs[0])
        loss = differences.mean()
        if isinstance(teacher, DefocusNet):
            loss = loss + config.logit_weight * low_logits(answer, teacher.sigma_max_px)
        if not math.isfinite(loss.item()):
            raise ReblurError(f"the error of {name} is {loss.item()} in step {step}: try a smaller learning rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    student.measure_ranges(ranges)
    return FineTuned(student.weights(), before, _error(student, teacher, measured))


def size_of(residual: Tensor) -> Tensor:
    """What errors of a residual (B, C, H, W) are relative to: (B, 1, 1, 1), its root mean square and a little more."""
    return residual.square().mean((1, 2, 3), keepdim=True).sqrt() + LEAST_RESIDUAL


class NoFade(nn.Module):
    """In place of ``Fade``: the restoration acts everywhere."""

    def forward(self, sigma_px: Tensor) -> Tensor:
        """(B, 1, H, W) pixels -> ones of that shape."""
        return torch.ones_like(sigma_px)


def _simulated(network: nn.Module, ranges: Sequence[Inputs], settings: Int8Settings) -> SimulatedInt8:
    simulated = SimulatedInt8(network, ranges[0], settings)
    simulated.measure_ranges(ranges)
    return simulated


def _photographs(pictures: Pictures, config: QatConfig) -> Iterator[Tensor]:
    return photograph_crops(pictures, config.batch_size, config.crop_px, config.measure_batches)


def _rate(step: int, steps: int) -> float:
    """Share of the peak rate: linear up over a twentieth of the steps, then half a cosine down."""
    warmup = max(1, steps // 20)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


@torch.no_grad()
def _error(student: nn.Module, teacher: nn.Module, samples: list[Inputs]) -> float:
    """Root mean square difference."""
    squares = [(student(*inputs) - teacher(*inputs)).double().square().mean() for inputs in samples]
    return math.sqrt(float(torch.stack(squares).mean()))
