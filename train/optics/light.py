"""Light by the square law: sRGB's curve taken as a power of 2, as the deployable graphs take it, and a phone can.

``train.data.srgb`` has the true curve, which cameras apply and scenes are rendered with.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = TypeVar("Values", Tensor, NDArray[np.float32], NDArray[np.float64])
"""Of any shape, computed with in the precision they come in."""

TOE = 1e-3
"""Light that ``encode_with_toe`` adds."""


def decode(srgb: Values) -> Values:
    """SRGB code values, clipped to [0, 1], to light in [0, 1]."""
    return srgb.clip(0.0, 1.0) ** 2


def encode(light: Values) -> Values:
    """The inverse of ``decode``; negative light counts as none, light beyond 1 stays beyond."""
    if isinstance(light, Tensor):
        return torch.sqrt(light.clip(min=0.0))
    return np.sqrt(light.clip(min=0.0))


def encode_with_toe(light: Tensor) -> Tensor:
    """``encode`` for losses: the gradient of a plain square root has no end in the dark. Nothing is clipped."""
    return torch.sqrt(light + TOE)
