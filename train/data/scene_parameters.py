"""What is random about a scene, as plain numbers: drawn on the CPU, a pure function of a generator's seed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.system.arrays import FloatArray
from train.config import SceneConfig
from train.data.camera import Exposure
from train.data.depth_layers import Outline, draw_outline
from train.data.photos import PhotoBank, Window
from train.data.psf import BLADES, ApertureShape, PsfKind
from train.data.textures import LeafBank, LeafCrop

IN_FOCUS_PX = 0.5
"""Largest sigma of a scene that counts as all but in focus."""
LIGHTS = (3, 20)
"""Fewest and most light sources of a scene that has any."""
LIGHT_LEVEL = (2.0, 40.0)
"""Their brightness against white, spread evenly over its logarithm."""
LIGHT_SD_PX = (0.4, 1.0)
READ_SHARE_MAX = 0.02
"""Largest share of read noise in the noise at middle grey: a sensor at base ISO counts photons there."""


class Lights(NamedTuple):
    """J small light sources in one picture of a scene."""

    picture: int
    positions: FloatArray
    """(J, 2), y and x as shares of the picture's side."""
    sd_px: FloatArray
    """(J,), in pixels of the scene."""
    colours: FloatArray
    """(J, 3), linear light, 1 is white."""


class ScenePlan(NamedTuple):
    """Everything that is random about a scene of L layers, back to front."""

    pictures: tuple[Window | LeafCrop, ...]
    """Its all-in-focus pictures: one, or one for each layer."""
    sigmas_px: FloatArray
    """(L,), blur of each layer."""
    in_front: NDArray[np.bool_]
    """(L,), whether it lies in front of the plane of focus, where the aperture's image is upside down."""
    inverse_depths: FloatArray
    """(L,), ascending, 0 is farthest and 1 nearest."""
    outlines: tuple[Outline, ...]
    """L - 1: the layer at the back is everywhere."""
    aperture: ApertureShape
    lights: Lights | None
    exposure: Exposure

    @property
    def layers(self) -> int:
        """L."""
        return len(self.sigmas_px)


def plan_scene(
    photos: PhotoBank, leaves: LeafBank, config: SceneConfig, canvas_px: int, rng: np.random.Generator
) -> ScenePlan:
    """Draw a scene whose pictures are ``canvas_px`` a side; without photographs it is of dead leaves."""
    layers = int(rng.integers(config.layers[0], config.layers[1] + 1))
    count = layers if rng.uniform() < config.own_picture_share else 1
    pictures = tuple(
        leaves.choose(rng)
        if not len(photos) or rng.uniform() < config.dead_leaves_share
        else photos.choose(canvas_px, rng)
        for _ in range(count)
    )
    sigmas_px, in_front, inverse_depths = draw_depths(config, layers, rng)
    outlines = tuple(draw_outline(rng, layers, config.soft_edge_share) for _ in range(layers - 1))
    aperture = _draw_aperture(config, rng)
    lights = _draw_lights(count, rng) if rng.uniform() < config.highlight_share else None
    exposure = _draw_exposure(config, rng)
    # Drawn last, so that all else about a scene does not depend on these shares.
    at_night, grey, noise_share = rng.uniform(size=3)
    if at_night < config.night_share:
        exposure = exposure._replace(noise=float(noise_share * config.night_noise_max))
    exposure = exposure._replace(grey=bool(grey < config.grey_share))
    return ScenePlan(pictures, sigmas_px, in_front, inverse_depths, outlines, aperture, lights, exposure)


def draw_depths(
    config: SceneConfig, layers: int, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.bool_], FloatArray]:
    """Sigma of each layer from its inverse depth: thin lens, linear in the distance from the plane of focus.

    The layer furthest from focus gets the scene's blur, so large sigmas are as frequent as small ones.
    """
    in_focus = rng.uniform() < config.sharp_share
    largest = config.sigma_max_px
    if config.large_blur_share < 1.0 and rng.uniform() >= config.large_blur_share:
        largest = min(largest, config.everyday_sigma_px)
    strongest = rng.uniform(0, IN_FOCUS_PX) if in_focus else rng.uniform(IN_FOCUS_PX, largest)
    inverse_depths = np.sort(rng.uniform(size=layers))
    beyond_focus = inverse_depths - rng.uniform(-0.2, 1.2)
    sigmas_px = strongest * np.abs(beyond_focus) / np.abs(beyond_focus).max()
    return sigmas_px.astype(np.float32), beyond_focus > 0, inverse_depths.astype(np.float32)


def _draw_aperture(config: SceneConfig, rng: np.random.Generator) -> ApertureShape:
    share = rng.uniform()
    kind: PsfKind = "gaussian"
    if share < config.disc_share:
        kind = "disc"
    elif share < config.disc_share + config.polygon_share:
        kind = "polygon"
    roundness = rng.uniform() if rng.uniform() < 0.5 else 0.0
    return ApertureShape(
        kind, int(rng.integers(BLADES[0], BLADES[1] + 1)), float(rng.uniform(0, 2 * math.pi)), roundness
    )


def _draw_lights(pictures: int, rng: np.random.Generator) -> Lights:
    count = int(rng.integers(LIGHTS[0], LIGHTS[1] + 1))
    level = LIGHT_LEVEL[0] * (LIGHT_LEVEL[1] / LIGHT_LEVEL[0]) ** rng.uniform(0, 1, (count, 1))
    tint = rng.uniform(0, 1, (count, 3)) ** rng.uniform(0, 1, (count, 1))
    return Lights(
        int(rng.integers(pictures)),
        rng.uniform(0, 1, (count, 2)).astype(np.float32),
        rng.uniform(*LIGHT_SD_PX, count).astype(np.float32),
        (level * tint / tint.max(1, keepdims=True)).astype(np.float32),
    )


def _draw_exposure(config: SceneConfig, rng: np.random.Generator) -> Exposure:
    noise, read_share = float(rng.uniform(0, config.noise_max)), float(rng.uniform(0, READ_SHARE_MAX))
    seed = int(rng.integers(2**62))
    low, high = config.jpeg_quality
    quality = int(rng.integers(low, high + 1))
    return Exposure(noise, read_share, seed, quality if rng.uniform() < config.jpeg_share else 0)
