"""A lens of even discs: what it makes of lamps at night, of a picture by day and of scenes of layers is known exactly.

At night and by day light is code value squared, as in the graph, and lamps are given their true light: what is scored
is the shape of the blur alone, where lamps shine, where nothing but the background is, and on the subject before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.data.layered_scenes import SCENES, seen_in_focus, seen_through_a_lens, star
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
    shone = _shone(light, sigma_px)
    reached = _shone(np.repeat(lamps[..., None], 3, axis=2), sigma_px)[..., 0] > 1e-6
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


def disc_blur(x: Tensor, sigma_px: float) -> Tensor:
    """(1, C, H, W) float64 through an even disc of this sigma along either axis; mirrored at its edges."""
    if sigma_px == 0.0:
        return x
    radius_px = RADIUS * sigma_px
    reach = math.ceil(radius_px) + 1
    points = (torch.arange((2 * reach + 1) * SUPERSAMPLING).double() + 0.5) / SUPERSAMPLING - reach - 0.5
    inside = torch.hypot(points[:, None], points[None]) <= radius_px
    disc = torch.nn.functional.avg_pool2d(inside.double()[None], SUPERSAMPLING)[0]
    wide = torch.from_numpy(np.pad(x[0].numpy(), ((0, 0), (reach, reach), (reach, reach)), mode="symmetric"))
    size = wide.shape[1], wide.shape[2]
    spectrum = torch.fft.rfft2(wide) * torch.fft.rfft2(disc / disc.sum(), size)
    return torch.fft.irfft2(spectrum, size)[None, :, 2 * reach :, 2 * reach :].clamp(min=0.0)


def score(graph: TiledGraph, size_px: tuple[int, int]) -> list[dict[str, Any]]:
    """PSNR by part of the night scene, and of all of a picture by day, for each sigma and each way of lights."""
    rows, day = list[dict[str, Any]](), _picture("motorcycle", size_px)
    for sigma_px in SIGMAS_PX:
        scene, everywhere = night(size_px, sigma_px), np.full(size_px, sigma_px, np.float32)
        by_day = np.sqrt(np.minimum(_shone(day**2, sigma_px), 1.0))
        for bokeh in BOKEH:
            found = refocused(graph, scene.sharp, scene.target_px, bokeh)
            parts = {name: psnr_db(found[there], scene.truth[there]) for name, there in scene.parts.items()}
            all_day = psnr_db(refocused(graph, day, everywhere, bokeh), by_day)
            rows.append({"sigma_px": sigma_px, "lights by": bokeh, **parts, "by day": all_day})
    return rows


def score_scenes(graph: TiledGraph, size_px: tuple[int, int]) -> list[dict[str, Any]]:
    """PSNR of the scenes of layers, each way of lights, where the lens is one of even discs."""
    background, subject = load_picture("motorcycle", *size_px), load_picture("astronaut", *size_px)
    rows = []
    for name, scene in SCENES.items():
        layers = scene.layers(background, subject)
        sharp, sigma_px = seen_in_focus(layers)
        truth = _array(seen_through_a_lens(layers, disc_blur))
        found = {bokeh: refocused(graph, _array(sharp), sigma_px[0, 0].numpy(), bokeh) for bokeh in BOKEH}
        rows.append({"scene": name, **{bokeh: psnr_db(answer, truth) for bokeh, answer in found.items()}})
    return rows


def _shone(light: FloatArray, sigma_px: float) -> FloatArray:
    """(H, W, 3) light through the lens."""
    return _array(disc_blur(torch.from_numpy(light.astype(np.float64)).permute(2, 0, 1)[None], sigma_px))


def _array(planes: Tensor) -> FloatArray:
    return planes[0].permute(1, 2, 0).contiguous().numpy().astype(np.float32)


def _picture(name: str, size_px: tuple[int, int]) -> FloatArray:
    return _array(load_picture(name, *size_px))
