"""Lamps at night behind a subject in focus: what a lens of an even disc makes of them is known exactly.

Light is code value squared, as in the graph, and lamps are given their true light: what is scored is the shape of the
blur alone, where lamps shine, where nothing but the background is, and on the subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.data.layered_scenes import star
from export.data.pictures import load_picture
from runtime.metrics import psnr_db
from runtime.refocusing.defaults import BOKEH
from runtime.refocusing.discs import RADIUS
from runtime.refocusing.highlights import LARGEST_LIGHT
from runtime.refocusing.rendering import refocused
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray

SIGMAS_PX = (4.0, 8.0, 12.0)
LAMPS = 40
LAMP_RADII_PX = (1.0, 2.5)
DARK = 0.35
"""Code values of the picture behind the lamps are multiplied by it."""
SUPERSAMPLING = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Night:
    """A scene: what is there, and what a lens makes of it."""

    sharp: FloatArray
    """(H, W, 3) code values in [0, sqrt(LARGEST_LIGHT)]: all in focus, white lamps as bright as they are."""
    target_px: FloatArray
    """(H, W) sigma: 0 on the subject."""
    truth: FloatArray
    """(H, W, 3) in [0, 1], through a lens of even discs."""
    parts: dict[str, NDArray[np.bool_]]
    """(H, W) true or false: lamps (where one shines), background (where none does), subject."""


def night(size_px: tuple[int, int], sigma_px: float) -> Night:
    """Lamps of some pixels each over a dark picture, a subject before them, all behind blurred by one disc."""
    height, width = size_px
    behind = DARK * _picture("motorcycle", size_px)
    lamps = np.zeros(size_px, np.float32)
    generator, margin = np.random.default_rng(21), RADIUS * max(SIGMAS_PX) + 4.0
    y, x = np.mgrid[:height, :width]
    for _ in range(LAMPS):
        row, column = generator.uniform(margin, height - margin), generator.uniform(margin, width - margin)
        lamps[np.hypot(y - row, x - column) <= generator.uniform(*LAMP_RADII_PX)] = 1.0
    subject = star(height, width, 0.0)[0, 0].numpy()
    lamps[subject > 0.0] = 0.0  # nobody knows of those that are hidden
    light = np.where(lamps[..., None] > 0.0, np.float32(LARGEST_LIGHT), behind**2)
    front = subject[..., None] > 0.0
    shone = disc_blur(light, RADIUS * sigma_px)
    reached = disc_blur(np.repeat(lamps[..., None], 3, axis=2), RADIUS * sigma_px)[..., 0] > 1e-6
    own = _picture("astronaut", size_px)
    return Night(
        sharp=np.where(front, own, np.sqrt(light)).astype(np.float32),
        target_px=np.where(subject > 0.0, 0.0, sigma_px).astype(np.float32),
        truth=np.where(front, own, np.sqrt(np.minimum(shone, 1.0))).astype(np.float32),
        parts={
            "lamps": reached & (subject == 0.0),
            "background": ~reached & (subject == 0.0),
            "subject": subject > 0.0,
        },
    )


def disc_blur(light: FloatArray, radius_px: float) -> FloatArray:
    """(H, W, 3) through an even disc, mirrored at the edges; each pixel of the disc as its points within it."""
    reach = int(np.ceil(radius_px)) + 1
    points = (np.arange((2 * reach + 1) * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - reach - 0.5
    inside = torch.from_numpy(np.hypot(points[:, None], points[None]) <= radius_px).double()
    disc = torch.nn.functional.avg_pool2d(inside[None], SUPERSAMPLING)[0]
    wide = np.pad(light.astype(np.float64), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    planes = torch.from_numpy(wide).permute(2, 0, 1)
    size = tuple(planes.shape[1:])
    spectrum: Tensor = torch.fft.rfft2(planes) * torch.fft.rfft2(disc / disc.sum(), size)
    blurred = torch.fft.irfft2(spectrum, size)[:, 2 * reach :, 2 * reach :]
    return blurred.clamp(min=0.0).permute(1, 2, 0).numpy().astype(np.float32)


def score(graph: TiledGraph, size_px: tuple[int, int]) -> list[dict[str, Any]]:
    """PSNR by part of the scene, for each sigma and each way of lamps; "by day" of a picture without any."""
    rows = []
    for sigma_px in SIGMAS_PX:
        scene, day = night(size_px, sigma_px), _picture("motorcycle", size_px)
        found = refocused(graph, day, np.full(size_px, sigma_px, np.float32))
        by_day = psnr_db(found, np.sqrt(np.minimum(disc_blur(day**2, RADIUS * sigma_px), 1.0)))
        for bokeh in BOKEH:
            found = refocused(graph, scene.sharp, scene.target_px, bokeh)
            parts = {name: psnr_db(found[there], scene.truth[there]) for name, there in scene.parts.items()}
            rows.append({"sigma_px": sigma_px, "lamps by": bokeh, **parts, "by day": by_day})
    return rows


def _picture(name: str, size_px: tuple[int, int]) -> FloatArray:
    return load_picture(name, *size_px)[0].permute(1, 2, 0).numpy()
