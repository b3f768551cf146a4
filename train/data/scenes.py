"""Synthetic defocus: layered scenes blurred with occlusion, in linear light.

An all-in-focus picture is cut into depth layers. Each layer has the circle of confusion of its depth; layers are
blurred and composited from back to front with their blurred coverage, so a blurred foreground spreads over what
lies behind it, as in a camera.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from train.blur import Psf
from train.config import SceneConfig
from train.data.photos import Picture, dead_leaves, sharp_crop, smooth_field

MARGIN_PX = 16
"""Border rendered and cut away, so that no scene shows how its edge was padded."""


class Scene(NamedTuple):
    """An aligned triplet."""

    blurry: Picture
    """(H, W, 3), sRGB in [0, 1]."""
    sharp: Picture
    """(H, W, 3), the same all in focus."""
    sigma_px: NDArray[np.float32]
    """(H, W), the true standard deviation of the blur, in pixels."""


def to_linear(srgb: Picture) -> Picture:
    """SRGB code values in [0, 1] to linear light (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: Picture) -> Picture:
    """The inverse of ``to_linear``; the input is clipped to [0, 1]."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def psf_kernel(kind: Psf, sigma_px: float) -> NDArray[np.float32]:
    """Normalised (2r+1, 2r+1) kernel; below a sigma of 0.2 px the identity."""
    if sigma_px < 0.2:
        return np.ones((1, 1), np.float32)
    radius = int(np.ceil(3 * sigma_px if kind == "gaussian" else 2 * sigma_px + 0.5))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    distance = np.hypot(y, x)
    if kind == "gaussian":
        kernel = np.exp(-0.5 * (distance / sigma_px) ** 2)
    else:
        kernel = np.clip(2 * sigma_px + 0.5 - distance, 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def sigma_of_kernel(kernel: NDArray[np.float32]) -> float:
    """Standard deviation per axis of a centred kernel: sqrt(sum k |d|^2 / 2), in pixels."""
    radius = kernel.shape[0] // 2
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return float(np.sqrt((kernel * (y * y + x * x)).sum() / 2))


def layer_masks(size_px: int, layers: int, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Coverage of each layer, back to front; the first is everywhere. Half have soft rims of a pixel or two."""
    masks = [np.ones((size_px, size_px), np.float32)]
    for _ in range(layers - 1):
        field = smooth_field(size_px, int(rng.integers(3, 8)), rng)
        level = np.quantile(field, rng.uniform(0.35, 0.75))
        mask = (field > level).astype(np.float32)
        if rng.uniform() < 0.5:
            mask = cv2.GaussianBlur(mask, (0, 0), 0.7)
        masks.append(mask)
    return masks


def composite(
    linear: Picture, masks: list[NDArray[np.float32]], kernels: list[NDArray[np.float32]]
) -> tuple[Picture, NDArray[np.float32]]:
    """Blur and composite back to front; returns the blurry linear image and the sigma map of what is in front."""
    blurry = _filter(linear, kernels[0])
    sigma_px = np.full(linear.shape[:2], sigma_of_kernel(kernels[0]), np.float32)
    for mask, kernel in zip(masks[1:], kernels[1:], strict=True):
        coverage = _filter(mask, kernel)[..., None]
        blurry = blurry * (1 - coverage) + _filter(linear * mask[..., None], kernel)
        sigma_px = np.where(mask > 0.5, np.float32(sigma_of_kernel(kernel)), sigma_px)
    return blurry, sigma_px


def layer_sigmas(config: SceneConfig, layers: int, rng: np.random.Generator) -> list[float]:
    """Sigma of each layer from its inverse depth: thin lens, linear in the distance from the focal plane.

    The layer furthest from focus gets the scene's blur, so large sigmas are as frequent as small ones.
    """
    strongest = rng.uniform(0, 0.5) if rng.uniform() < config.sharp_share else rng.uniform(0.5, config.sigma_max_px)
    inverse_depth = np.sort(rng.uniform(size=layers))
    focus = rng.uniform(-0.2, 1.2)
    defocus = np.abs(inverse_depth - focus)
    return [float(s) for s in strongest * defocus / defocus.max()]


def render_scene(photos: list[Picture], config: SceneConfig, rng: np.random.Generator) -> Scene:
    """One random scene; without photographs always of dead leaves."""
    size = config.size_px + 2 * MARGIN_PX
    if not photos or rng.uniform() < config.dead_leaves_share:
        sharp = dead_leaves(size, rng)
    else:
        sharp = sharp_crop(photos[int(rng.integers(len(photos)))], size, rng)
    layers = int(rng.integers(config.layers[0], config.layers[1] + 1))
    kind: Psf = "disc" if rng.uniform() < config.disc_share else "gaussian"
    kernels = [psf_kernel(kind, s) for s in layer_sigmas(config, layers, rng)]
    blurry_linear, sigma_px = composite(to_linear(sharp), layer_masks(size, layers, rng), kernels)
    noise = rng.uniform(0, config.noise_max) * rng.standard_normal(blurry_linear.shape)
    blurry = np.clip(to_srgb(blurry_linear) + noise, 0, 1).astype(np.float32)
    inner = slice(MARGIN_PX, MARGIN_PX + config.size_px)
    return Scene(blurry[inner, inner], sharp[inner, inner], sigma_px[inner, inner])


def _filter(image: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    if kernel.size == 1:
        return image
    out: NDArray[np.float32] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return out
