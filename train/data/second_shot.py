"""The second shot of a pair: the scene in focus, from a camera that has moved a little and exposed anew.

A real second shot is not interpolated, so it must not be softer than the first. It is therefore made from layers at
twice the resolution: each is moved by its parallax in whole steps of half a pixel, they are laid over each other, each
pixel integrates 2x2 of them, and only that picture, sampled twice as densely as a camera would, is resampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.config import MisalignConfig
from train.data.smooth_noise import padded_grid, smooth_fields
from train.data.srgb import round_to_8_bit, srgb_of
from train.optics.light import decode, encode

WOBBLE_CELLS = 3


class Move(NamedTuple):
    """How a second shot differs from the first, in plain numbers."""

    rotation_rad: float
    scale: float
    shift_px: tuple[float, float]
    """x and y."""
    wobble_px: FloatArray
    """(2, 8, 8), the coarse grids of a smooth displacement along x and y."""
    parallax_px: tuple[float, float]
    """x and y, displacement of a layer of inverse depth 1 against one of 0."""
    gains: tuple[float, float, float]
    """Factors on linear red, green and blue."""


def draw_move(config: MisalignConfig, rng: np.random.Generator) -> Move:
    """A random move."""
    shift_x, shift_y = rng.uniform(-config.shift_px, config.shift_px, 2)
    grids = [padded_grid(config.wobble_px * rng.standard_normal((WOBBLE_CELLS, WOBBLE_CELLS))) for _ in range(2)]
    direction, distance_px = rng.uniform(0, 2 * np.pi), rng.uniform(0, config.parallax_px)
    exposure = 1 + rng.uniform(-config.gain, config.gain)
    red, blue = 1 + rng.uniform(-config.white_balance, config.white_balance, 2)
    return Move(
        rotation_rad=rng.uniform(-config.rotation_rad, config.rotation_rad),
        scale=1 + rng.uniform(-config.scale, config.scale),
        shift_px=(shift_x, shift_y),
        wobble_px=np.stack(grids),
        parallax_px=(distance_px * math.cos(direction), distance_px * math.sin(direction)),
        gains=(exposure * red, exposure, exposure * blue),
    )


@torch.no_grad()
def second_shot(twofold: Tensor, inverse_depths: Sequence[FloatArray], moves: Sequence[Move], view_px: int) -> Tensor:
    """Photograph layers again.

    Args:
        twofold: (S, L, 4, 2C, 2C), layers in focus at twice the resolution (``SceneRenderer.twofold_layers``).
        inverse_depths: of the layers of each scene, in [0, 1].
        moves: S of them.
        view_px: V, side of the pictures, which show the middle of the canvas.

    Returns:
        (S, 3, V, V), sRGB in [0, 1], of 256 levels: the point seen at p is the canvas's at p + displacement(p).
    """
    light, guard = _with_parallax(twofold, inverse_depths, moves)
    light = light * torch.tensor([move.gains for move in moves], device=light.device)[:, :, None, None]
    # A sensor integrates, then saturates. The root halves the ringing that resampling light makes in the dark.
    codes = encode(_mean_of_2x2(light).clamp(max=1.0))
    margin_px = (twofold.shape[-1] // 2 - view_px) // 2
    half_px = 2.0 * (source_positions(moves, view_px, light.device) + margin_px) - guard
    grid = half_px * (2.0 / (codes.shape[-1] - 1)) - 1.0
    resampled = F.grid_sample(codes, grid.to(codes.dtype), mode="bicubic", padding_mode="border", align_corners=True)
    return round_to_8_bit(srgb_of(decode(resampled)))


def source_positions(moves: Sequence[Move], view_px: int, device: torch.device | str) -> Tensor:
    """(S, V, V, 2), x first: where each pixel of a second shot lies in the first, layers at inverse depth 0."""
    along = torch.arange(view_px, device=device, dtype=torch.float32) - (view_px - 1) / 2
    turn = torch.tensor([(m.scale * math.cos(m.rotation_rad), m.scale * math.sin(m.rotation_rad)) for m in moves])
    shift = torch.tensor([m.shift_px for m in moves]) + (view_px - 1) / 2
    cos, sin, shift_x, shift_y = (c.to(device)[:, None, None] for c in (*turn.unbind(1), *shift.unbind(1)))
    grids = np.concatenate([m.wobble_px for m in moves])
    wobble = smooth_fields(grids, [WOBBLE_CELLS] * len(grids), view_px, device).values.unflatten(0, (len(moves), 2))
    x = cos * along - sin * along[:, None] + shift_x + wobble[:, 0]
    y = sin * along + cos * along[:, None] + shift_y + wobble[:, 1]
    return torch.stack([x, y], dim=-1)


def _with_parallax(twofold: Tensor, inverse_depths: Sequence[FloatArray], moves: Sequence[Move]) -> tuple[Tensor, int]:
    """The layers moved and laid over each other, (S, 3, 2C - 2 guard, ...), and how much was cut off each side."""
    steps = [
        [[round(2 * float(depth) * along) for along in move.parallax_px] for depth in depths]
        for depths, move in zip(inverse_depths, moves, strict=True)
    ]
    guard = max(abs(step) for scene in steps for layer in scene for step in layer)
    side = twofold.shape[-1] - 2 * guard
    scenes = []
    for stack, layers in zip(twofold, steps, strict=True):
        moved = [
            layer[:, guard + y : guard + y + side, guard + x : guard + x + side]
            for layer, (x, y) in zip(stack, layers, strict=False)
        ]
        scenes.append(_lay_over_views(moved))
    return torch.stack(scenes), guard


def _mean_of_2x2(image: Tensor) -> Tensor:
    """(.., H, W) -> (.., H - 1, W - 1), at each pixel the mean of it and its right and lower neighbours."""
    rows = image[..., 1:, :] + image[..., :-1, :]
    return (rows[..., 1:] + rows[..., :-1]) * 0.25


def _lay_over_views(layers: list[Tensor]) -> Tensor:
    """``lay_over`` for one scene's layers, (4, H, W) each, which need not lie in one tensor: (3, H, W)."""
    light = layers[0][:3]
    for layer in layers[1:]:
        light = torch.addcmul(layer[:3], light, 1.0 - layer[3:])
    return light
