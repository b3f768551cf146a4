"""Teaching an estimator its own map again, with activations that half precision and eight bits can hold.

An estimator trained without ``LossConfig.low_logits`` may say "sharp" with logits of minus a thousand, made of
activations of thousands: a rounding error of one in a thousand then moves the map by pixels. Its student is itself,
held to the same map (on sharp pictures: to 0) while what lies beyond reach is pulled in.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from train.networks.defocus import DefocusNet
from train.objective.losses import charbonnier, low_logits, sigma_error
from train.objective.schedules import fold_in, share_of_peak
from train.progress import progress_bar
from train.quantization.crops import Pictures, random_crop

CROP_STREAM = 107


@dataclass(frozen=True, kw_only=True)
class DistilConfig:
    """How the student learns."""

    steps: int = 6000
    """Optimiser steps."""
    blurry_crops: int = 8
    """Crops of a step as the camera saw them; what they should be is what the teacher says."""
    sharp_crops: int = 3
    """Crops of a step all in focus, where the map should be 0."""
    crop_px: int = 128
    """Side of a crop."""
    scenes: int = 640
    """Synthetic scenes to take crops of."""
    scene_px: int = 192
    """Their side."""
    learning_rate: float = 1e-3
    """Peak; it falls to a hundredth along a cosine."""
    warmup_steps: int = 200
    """Over which it rises."""
    eps: float = 0.05
    """Of rho, in octaves and in pixels: smaller differences count squared."""
    pixel_weight: float = 0.5
    """Weight of the error in pixels beside that in octaves."""
    logit_weight: float = 0.05
    """Weight of what logits lie below the smallest that means anything."""
    largest_activation: float = 16.0
    """Beyond this, activations are pulled in, logits too."""
    activation_weight: float = 0.01
    """Weight of what they lie beyond it, summed over the layers."""
    ema_decay: float = 0.998
    """Of the moving average that is kept."""
    bfloat16: bool = True
    """Whether convolutions compute in bfloat16."""
    seed: int = 0
    """Of the crops."""


def distil(teacher: DefocusNet, pictures: Pictures, config: DistilConfig) -> DefocusNet:
    """The averaged student, in eval mode.

    Args:
        teacher: whose map is taught, and where the student starts.
        pictures: to take crops of.
        config: how.

    Raises:
        ReblurError: the loss is not a number any more.
    """
    student = copy.deepcopy(teacher).requires_grad_(True)
    teacher = copy.deepcopy(teacher).requires_grad_(False)
    average = copy.deepcopy(teacher)
    activations = _watched(student)
    optimiser = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: share_of_peak(step, config.steps, config.warmup_steps)
    )
    for step in progress_bar(range(config.steps), desc="teaching defocus", unit="step", leave=False):
        blurry, sharp = _crops(pictures, config, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            with torch.no_grad():
                taught = teacher(blurry).float()
            found_px = student(torch.cat([blurry, sharp])).float()
        wanted_px = torch.cat([taught, taught.new_zeros(len(sharp), 1, *sharp.shape[2:])])
        loss = sigma_error(found_px, wanted_px, config.eps).mean()
        loss = loss + config.pixel_weight * charbonnier(found_px - wanted_px, config.eps).mean()
        loss = loss + config.logit_weight * low_logits(found_px, teacher.sigma_max_px)
        beyond = [(values.float().abs() - config.largest_activation).clamp(min=0.0).mean() for values in activations]
        loss = loss + config.activation_weight * torch.stack(beyond).sum()
        activations.clear()
        if not math.isfinite(loss.item()):
            raise ReblurError(f"the loss is {loss.item()} in step {step}: try a smaller learning rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        fold_in(list(average.parameters()), list(student.parameters()), step, config.ema_decay)
    return average.eval()


def largest_activation(network: DefocusNet, images: Tensor) -> float:
    """Of all convolutions, on images (B, 3, H, W): what half precision has to hold."""
    network = copy.deepcopy(network)
    activations = _watched(network)
    with torch.no_grad():
        network(images)
    return max(float(values.abs().max()) for values in activations)


def _watched(network: DefocusNet) -> list[Tensor]:
    """A list that every run of the network appends the outputs of its convolutions to."""
    outputs: list[Tensor] = []
    for module in network.unet.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    return outputs


def _crops(pictures: Pictures, config: DistilConfig, step: int) -> Iterator[Tensor]:
    """Blurry crops, then sharp ones; a pure function of the step."""
    rng = np.random.default_rng((config.seed, CROP_STREAM, step))
    for source, count in ((pictures.blurry, config.blurry_crops), (pictures.sharp, config.sharp_crops)):
        yield torch.stack([random_crop(source, config.crop_px, rng) for _ in range(count)])
