"""Scenes of layers at known depths: what a lens makes of them is known exactly, outlines included.

Each layer is blurred with its own Gaussian, colour times coverage and coverage, and laid over what is behind it, in
light. The refocusing graph sees the picture with everything in focus, and for each pixel the sigma of what shows there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train.optics.light import decode, encode

REACH = 4.5
"""Where a Gaussian is cut off, in sigmas."""
TWIGS = 12
FULL_HEIGHT_PX, PER_PX = 256, 4
"""Height from which blur is as large as it gets, and steps of sigma in a pixel: golden files hold no finer ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What lies at one depth."""

    picture: Tensor
    """(1, 3, H, W) sRGB in [0, 1]."""
    coverage: Tensor
    """(1, 1, H, W) in [0, 1]: 1 where it hides what is behind it."""
    sigma_px: float
    """Of the blur there; negative in front of the plane of focus."""


def seen_in_focus(layers: Sequence[Layer]) -> tuple[Tensor, Tensor]:
    """What the graph is given: (1, 3, H, W) sRGB with all in focus, (1, 1, H, W) signed sigma in pixels.

    Args:
        layers: from the farthest to the nearest; the first covers all.
    """
    light, sigma_px = decode(layers[0].picture), torch.full_like(layers[0].coverage, layers[0].sigma_px)
    for layer in layers[1:]:
        light = layer.coverage * decode(layer.picture) + (1.0 - layer.coverage) * light
        sigma_px = torch.where(layer.coverage >= 0.5, layer.sigma_px, sigma_px)
    return encode(light), sigma_px


def gaussian_blur(x: Tensor, sigma_px: float) -> Tensor:
    """(1, C, H, W) with one sigma for all; mirrored at its edges."""
    if sigma_px == 0.0:
        return x
    radius = math.ceil(REACH * sigma_px)
    taps = torch.exp(-(torch.arange(-radius, radius + 1, dtype=x.dtype) ** 2) / (2.0 * sigma_px**2))
    taps = (taps / taps.sum()).view(1, 1, -1)
    for _ in range(2):
        size = int(x.shape[3])
        at = torch.arange(-radius, size + radius) % (2 * size)
        wide = x[..., torch.where(at < size, at, 2 * size - 1 - at)]
        x = F.conv1d(wide.reshape(-1, 1, wide.shape[3]), taps).view(x.shape).transpose(2, 3).contiguous()
    return x


def seen_through_a_lens(layers: Sequence[Layer], blur: Callable[[Tensor, float], Tensor] = gaussian_blur) -> Tensor:
    """The exact answer, (1, 3, H, W) sRGB, computed in float64.

    Args:
        layers: from the farthest to the nearest; the first covers all.
        blur: of (1, C, H, W) float64 by a sigma in pixels of either axis; the lens.
    """
    light: Tensor | None = None
    for layer in layers:
        coverage = layer.coverage.double()
        own = torch.cat([decode(layer.picture.double()) * coverage, coverage], 1)
        own = blur(own, abs(layer.sigma_px))
        light = own[:, :3] if light is None else own[:, :3] + (1.0 - own[:, 3:]) * light
    assert light is not None
    return encode(light.clamp(max=1.0)).float()


def star(height: int, width: int, softness_px: float) -> Tensor:
    """A shape with round bays and points in the middle, (1, 1, H, W), whose edge is so wide."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    y, x = (y - height / 2.0) / height, (x - width / 2.0) / height
    edge = (0.28 + 0.05 * np.sin(5.0 * np.arctan2(y, x)) - np.hypot(x, y)) * height
    inside = np.clip(edge / softness_px + 0.5, 0.0, 1.0) if softness_px > 0.0 else edge > 0.0
    return torch.from_numpy(np.asarray(inside, np.float32))[None, None]


def twigs(height: int, width: int, thickness_px: float = 2.0) -> Tensor:
    """Thin lines across the whole picture, (1, 1, H, W) of 0 and 1."""
    generator = np.random.default_rng(14)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    found = np.zeros((height, width), bool)
    for _ in range(TWIGS):
        angle, offset = generator.uniform(-0.6, 0.6), generator.uniform(0.1, 0.9) * width
        across = (x - offset - np.tan(angle) * (y - height / 2.0)) * np.cos(angle)
        found |= np.abs(across) <= thickness_px / 2.0
    return torch.from_numpy(found.astype(np.float32))[None, None]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A middle layer and where it stands; the other covers all and stands at the plane of focus, or far behind it."""

    shape: Callable[[int, int], Tensor]
    background_px: float
    """Sigma of what covers all, on a picture that is ``FULL_HEIGHT_PX`` high or higher; less on a smaller one."""
    shape_px: float
    """Sigma of the shape, signed, likewise."""

    def layers(self, background: Tensor, subject: Tensor) -> list[Layer]:
        """The scene with two pictures, (1, 3, H, W) each."""
        height, width = background.shape[2:]
        background_px, shape_px = (
            round(sigma * min(1.0, height / FULL_HEIGHT_PX) * PER_PX) / PER_PX
            for sigma in (self.background_px, self.shape_px)
        )
        return [
            Layer(picture=background, coverage=torch.ones(1, 1, height, width), sigma_px=background_px),
            Layer(picture=subject, coverage=self.shape(height, width), sigma_px=shape_px),
        ]


def _hard(height: int, width: int) -> Tensor:
    return star(height, width, 0.0)


def _soft(height: int, width: int) -> Tensor:
    return star(height, width, 6.0 * min(1.0, height / FULL_HEIGHT_PX))


SCENES: Mapping[str, Scene] = {
    "subject": Scene(shape=_hard, background_px=12.0, shape_px=0.0),
    "subject-soft": Scene(shape=_soft, background_px=8.0, shape_px=0.0),
    "front": Scene(shape=_hard, background_px=0.0, shape_px=-12.0),
    "front-soft": Scene(shape=_soft, background_px=0.0, shape_px=-8.0),
    "twigs": Scene(shape=twigs, background_px=0.0, shape_px=-6.0),
}
"""An in-focus subject before a blurred background, and a blurred foreground before a sharp one."""
