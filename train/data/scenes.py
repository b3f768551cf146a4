"""Synthetic defocus: layered scenes blurred with occlusion in linear light, in batches, on any device.

All-in-focus pictures are cut into depth layers. Each layer has the circle of confusion of its depth; layers are
blurred and laid over each other from back to front with their blurred coverage, so a blurred foreground spreads over
what lies behind it, as in a camera.

Everything is drawn at twice the resolution first ("twofold") and averaged down, so that edges are as a sensor sees
them, and so that a second shot from elsewhere can be taken without softening it (``train.data.second_shot``).
Shapes: S scenes, at most L layers; V = ``config.size_px``; C the side of the canvas, V and a margin on each side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.config import SceneConfig
from train.data.camera import expose
from train.data.depth_layers import coverage, front_most, lay_over
from train.data.photos import PhotoBank, Window
from train.data.psf import aperture, blur_circular, kernel_sigma_px, psf_kernels, reach_px
from train.data.scene_parameters import Lights, ScenePlan, plan_scene
from train.data.srgb import grey_of, linear_table, round_to_8_bit, srgb_of
from train.data.textures import LeafBank

MARGIN_PX = 24
"""Least border that is rendered and cut away: blur wraps around there, and second shots look there."""
FFT_MULTIPLE = 16
SCENE_STREAM, LEAF_STREAM = 101, 102
"""Keep the generators of scenes and of dead leaves apart from every other."""


class Rendered(NamedTuple):
    """A batch of scenes."""

    blurry: Tensor
    """(S, 3, V, V), sRGB in [0, 1], of 256 levels."""
    sharp: Tensor
    """(S, 3, V, V), the same all in focus, without noise."""
    sigma_px: Tensor
    """(S, 1, V, V), the true standard deviation of the blur."""
    twofold: Tensor
    """(S, L, 4, 2C, 2C), the stack of layers in focus, at twice the resolution (see ``train.data.depth_layers``); the
    renderer's own memory, which the next batch overwrites."""


class SceneRenderer:
    """Renders scenes; scene i is a pure function of the seed and i (and its noise of the kind of device)."""

    def __init__(
        self,
        photos: Sequence[FloatArray | NDArray[np.uint8]],
        config: SceneConfig,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = config
        self.seed = seed
        self.device = torch.device(device)
        self.canvas_px = canvas_px(config)
        self.photos = PhotoBank(photos, device)
        needs_leaves = not photos or config.dead_leaves_share > 0
        count = config.dead_leaves_count if needs_leaves else 0
        self.leaves = LeafBank(2 * self.canvas_px, count, (seed, LEAF_STREAM), device, config.regular_share)
        self._linear = linear_table(device)
        self._buffer = torch.empty(0, device=device)

    def plan(self, index: int) -> ScenePlan:
        """What is random about scene ``index``."""
        rng = np.random.default_rng((self.seed, SCENE_STREAM, index))
        return plan_scene(self.photos, self.leaves, self.config, self.canvas_px, rng)

    @torch.no_grad()
    def render(self, plans: Sequence[ScenePlan]) -> Rendered:
        """Render scenes, all at once."""
        twofold = self.twofold_layers(plans)
        scenes, layers, _, side, _ = twofold.shape
        # At half the size, bilinear is the mean of 2x2, and on a CPU thrice as fast as avg_pool2d.
        stack = F.interpolate(twofold.flatten(0, 1), scale_factor=0.5, mode="bilinear").unflatten(0, (scenes, layers))
        kernels = self._kernels(plans, layers)
        blurred = blur_circular(stack.flatten(0, 1), kernels).unflatten(0, (scenes, layers))
        start = (side // 2 - self.config.size_px) // 2
        view = (..., slice(start, start + self.config.size_px), slice(start, start + self.config.size_px))
        blurred, stack = blurred[view], stack[view]
        light = lay_over(blurred).clamp(min=0.0)
        return Rendered(
            blurry=expose(light, [plan.exposure for plan in plans]),
            sharp=round_to_8_bit(srgb_of(lay_over(stack))),
            sigma_px=front_most(kernel_sigma_px(kernels).unflatten(0, (scenes, layers)), stack),
            twofold=twofold,
        )

    def twofold_layers(self, plans: Sequence[ScenePlan]) -> Tensor:
        """(S, L, 4, 2C, 2C): the layers of each scene in focus, at twice the resolution; see ``Rendered``."""
        side = 2 * self.canvas_px
        layers = max(plan.layers for plan in plans)
        # One buffer for all batches: on a CPU the first touch of fresh memory costs more than the scene's own work.
        needed = len(plans) * layers * 4 * side * side
        if self._buffer.numel() < needed:
            self._buffer = torch.empty(needed, device=self.device)
        stack = self._buffer[:needed].view(len(plans), layers, 4, side, side)
        outlines = [outline for plan in plans for outline in plan.outlines]
        covers = coverage(outlines, side, 2, self.device) if outlines else stack.new_zeros(0, side, side)
        start = 0
        for row, plan in enumerate(plans):
            stack[row, 0, 3] = 1.0
            stack[row, plan.layers :] = 0.0
            stack[row, 1 : plan.layers, 3] = covers[start : start + plan.layers - 1]
            start += plan.layers - 1
            layers_of = stack[row, : plan.layers]
            torch.mul(self._pictures(plan), layers_of[:, 3:], out=layers_of[:, :3])
        return stack

    def _pictures(self, plan: ScenePlan) -> Tensor:
        """(1 or L, 3, 2C, 2C), the linear light of a scene's pictures."""
        side = 2 * self.canvas_px
        pictures = []
        for crop in plan.pictures:
            if isinstance(crop, Window):
                pictures.append(self._light_of(self.photos.cut(crop, side)))
            else:
                pictures.append(self._light_of(self.leaves.cut(crop)) * crop.gain)
        light = torch.stack(pictures)
        if plan.lights is not None:
            light[plan.lights.picture] += _splats(plan.lights, side, self.device)
        return grey_of(light) if plan.exposure.grey else light

    def _light_of(self, codes: Tensor) -> Tensor:
        return self._linear.index_select(0, codes.reshape(-1).int()).view(codes.shape)

    def _kernels(self, plans: Sequence[ScenePlan], layers: int) -> Tensor:
        """(S * L, K, K); identities for layers a scene does not have."""
        sigmas_px = np.zeros((len(plans), layers), np.float32)
        shapes = []
        for row, plan in enumerate(plans):
            sigmas_px[row, : plan.layers] = plan.sigmas_px
            turned = plan.aperture._replace(rotation_rad=plan.aperture.rotation_rad + np.pi)
            in_front = [*plan.in_front.tolist(), *[False] * (layers - plan.layers)]
            shapes += [turned if front else plan.aperture for front in in_front]
        sigma_px = torch.from_numpy(sigmas_px).flatten().to(self.device)
        return psf_kernels(sigma_px, aperture(shapes, self.device), reach_px(self.config.sigma_max_px))


def canvas_px(config: SceneConfig) -> int:
    """Side of the canvas: the scene, margins no blur reaches across, and what makes it a good size for an FFT."""
    margin = max(MARGIN_PX, reach_px(config.sigma_max_px))
    return -(-(config.size_px + 2 * margin) // FFT_MULTIPLE) * FFT_MULTIPLE


def _splats(lights: Lights, side: int, device: torch.device) -> Tensor:
    """(3, side, side): the light of small Gaussian spots, at twice the resolution."""
    positions, sd_px, colours = (torch.from_numpy(array).to(device) for array in lights[1:])
    along = torch.arange(side, device=device)
    falloff = torch.exp(-0.5 * ((along - positions[:, :, None] * side) / (2.0 * sd_px[:, None, None])) ** 2)
    down, across = falloff[:, 0], falloff[:, 1]
    return (colours.T[:, None, :] * down.T) @ across
