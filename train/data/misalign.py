"""Simulated misalignment: the sharp picture of a pair as a second shot, taken by hand, would show it."""

from __future__ import annotations

import cv2
import numpy as np

from train.config import MisalignConfig
from train.data.photos import Picture, smooth_field


def misalign(sharp: Picture, config: MisalignConfig, rng: np.random.Generator) -> Picture:
    """Shift, rotate, scale, wobble and re-expose a picture.

    Args:
        sharp: (H, W, 3), sRGB in [0, 1], square.
        config: the largest displacements; a shift of 0 returns the picture unchanged.
        rng: source of the displacement.

    Returns:
        (H, W, 3), sRGB in [0, 1].
    """
    if config.shift_px == 0:
        return sharp
    size = sharp.shape[0]
    angle = rng.uniform(-config.rotation_rad, config.rotation_rad)
    scale = 1 + rng.uniform(-config.scale, config.scale)
    shift_x, shift_y = rng.uniform(-config.shift_px, config.shift_px, 2)
    wobble_x, wobble_y = (config.wobble_px * smooth_field(size, 3, rng) for _ in range(2))
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) - (size - 1) / 2
    map_x = scale * (np.cos(angle) * x - np.sin(angle) * y) + shift_x + wobble_x + (size - 1) / 2
    map_y = scale * (np.sin(angle) * x + np.cos(angle) * y) + shift_y + wobble_y + (size - 1) / 2
    warped = cv2.remap(
        sharp,
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    gain = 1 + rng.uniform(-config.gain, config.gain)
    moved: Picture = np.clip(warped * gain, 0, 1).astype(np.float32)
    return moved
