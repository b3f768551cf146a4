"""How the learning rate and the moving average of the weights go along, step by step: in training and in ``distil``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...] | list[Tensor]


def share_of_peak(step: int, steps: int, warmup_steps: int) -> float:
    """Of the learning rate: linear warm-up, then cosine decay to a hundredth."""
    warmup = min(1.0, (step + 1) / max(1, warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return warmup * (0.01 + 0.99 * cosine)


@torch.no_grad()
def fold_in(averaged: Tensors, current: Tensors, updates: float, decay: float) -> None:
    """One step of an exponential moving average whose decay grows from 0.1, so that the start is soon forgotten.

    Args:
        averaged: the average, changed in place.
        current: what comes in, in the same order.
        updates: how many came in before.
        decay: the largest decay.
    """
    torch._foreach_lerp_(averaged, current, 1.0 - min(decay, (1.0 + updates) / (10.0 + updates)))
