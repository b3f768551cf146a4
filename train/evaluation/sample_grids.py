"""Picture grids: what the figures mean to the eye. A row per scene or pair, a column per picture of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn

from runtime.system.arrays import FloatArray
from runtime.system.files import write_atomically
from train.data.pair_pool import Batch
from train.data.photos import Picture
from train.evaluation.held_out import HeldOut
from train.evaluation.inference import has_sigma_map, restore
from train.networks.reblur import ReblurNet
from train.objective.losses import reblur_picture

CAPTION_PX = 16
COLUMN_PX = 184
"""Least width of a column, for its caption: smaller pictures are drawn with larger pixels."""
CROP_PX = 256
"""Side of the part of a photograph that is shown."""
FLOW_RANGE_PX = 4.0
"""Displacement drawn in full colour; a longer one looks the same."""

Grid = NDArray[np.uint8]
"""(H, W, 3)."""
Columns = dict[str, Grid]
"""Caption -> (N, H, W, 3), a picture for each row."""


class PairCrops(NamedTuple):
    """The same part of four pictures, (h, w, 3) sRGB in [0, 1], h and w at most ``CROP_PX``."""

    blurry: Picture
    output: Picture
    truth: Picture
    sigma_px: FloatArray | None
    """(h, w); None where the blur map is no sigma."""


@torch.no_grad()
def held_out_grid(
    deblur: nn.Module, defocus: nn.Module, reblur: ReblurNet | None, data: HeldOut, sigma_max_px: float, rows: int = 6
) -> Grid:
    """Aligned held-out scenes: before, after and truth, and the sigma maps on one scale.

    Args:
        deblur: (blurry, blur map) -> sharp.
        defocus: blurry -> blur map.
        reblur: the reblurring module, which is there in training only, on the device of the others.
        data: the scenes.
        sigma_max_px: sigma drawn in white.
        rows: scenes drawn.
    """
    part = HeldOut(*(t[:rows].cpu() for t in data))
    restored, blur_map = restore(deblur, defocus, part.blurry)
    columns = {"blurry": _rgb(part.blurry), "restored": _rgb(restored), "sharp": _rgb(part.sharp)}
    if has_sigma_map(blur_map):
        columns |= _sigma_column("sigma", blur_map, sigma_max_px)
    if part.sigma_px.isfinite().all():
        columns |= _sigma_column("true sigma", part.sigma_px, sigma_max_px)
    if reblur is not None:
        device = next(reblur.parameters()).device
        columns |= _reblur_columns("sharp", reblur, part.sharp.to(device), part.blurry.to(device), sigma_max_px)
    return _grid(columns)


@torch.no_grad()
def pairs_grid(
    deblur: nn.Module, defocus: nn.Module, reblur: ReblurNet | None, batch: Batch, sigma_max_px: float, rows: int = 6
) -> Grid:
    """Misaligned training pairs: what alignment, restoration and reblurring make of them; arguments as above."""
    blurry, sharp, moved, mask, flow = (
        t[:rows] for t in (batch.blurry, batch.sharp, batch.moved_sharp, batch.mask, batch.flow_to_sharp)
    )
    restored, blur_map = restore(deblur, defocus, blurry)
    columns = {
        "blurry": _rgb(blurry),
        "sharp, misaligned": _rgb(sharp),
        f"flow (full colour = {FLOW_RANGE_PX:g} px)": flow_colours(flow),
        "moved sharp": _rgb(moved),
        "mask (white = trusted)": _rgb(mask.expand(-1, 3, -1, -1)),
        "restored": _rgb(restored),
    }
    if has_sigma_map(blur_map):
        columns |= _sigma_column("sigma", blur_map, sigma_max_px)
    if reblur is not None:
        columns |= _reblur_columns("moved sharp", reblur, moved, blurry, sigma_max_px)
    return _grid(columns)


def crops_grid(rows: list[PairCrops], sigma_max_px: float) -> Grid:
    """Crops of measured pairs: blurry, restored, ground truth, and sigma with white for ``sigma_max_px``."""
    columns = {
        "blurry": _squares([crops.blurry for crops in rows]),
        "restored": _squares([crops.output for crops in rows]),
        "ground truth": _squares([crops.truth for crops in rows]),
    }
    sigmas = [crops.sigma_px for crops in rows if crops.sigma_px is not None]
    if sigmas:
        shown = [np.repeat(sigma_px[..., None] / sigma_max_px, 3, axis=2) for sigma_px in sigmas]
        columns[_on_scale("sigma", sigma_max_px)] = _squares(shown)
    return _grid(columns)


def crops_of(blurry: Picture, output: Picture, truth: Picture, blur_map: Tensor) -> PairCrops:
    """The part of a pair where the ground truth has most detail.

    Args:
        blurry: (H, W, 3), sRGB in [0, 1].
        output: what became of it, same shape.
        truth: the ground truth, same shape.
        blur_map: (1, C, H, W).
    """
    height, width = min(CROP_PX, truth.shape[0]), min(CROP_PX, truth.shape[1])
    detail = cv2.Laplacian(np.ascontiguousarray(truth[..., 1]), cv2.CV_32F) ** 2
    # Means of all windows by their lower right corner: those that end inside are whole.
    means = cv2.boxFilter(detail, -1, (width, height), anchor=(width - 1, height - 1))[height - 1 :, width - 1 :]
    y, x = (int(i) for i in np.unravel_index(means.argmax(), means.shape))
    part = np.s_[y : y + height, x : x + width]
    sigma_px = blur_map[0, 0].numpy()[part] if has_sigma_map(blur_map) else None
    return PairCrops(blurry[part], output[part], truth[part], sigma_px)


def flow_colours(flow: Tensor) -> Grid:
    """Flow (N, 2, H, W) in pixels as (N, H, W, 3): hue is the direction, saturation the length, white stands still."""
    x, y = flow.float().cpu().numpy().transpose(1, 0, 2, 3)
    strength = np.clip(np.hypot(x, y) / FLOW_RANGE_PX, 0.0, 1.0)[..., None]
    hue = (np.arctan2(y, x) / (2 * np.pi)) % 1.0
    # A pure hue: each of red, green and blue is full within a sixth of the circle around its own third.
    pure = np.clip(np.abs((hue[..., None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6.0 - 3.0) - 1.0, 0.0, 1.0)
    return _codes(1.0 - strength * (1.0 - pure))


def write_png(path: Path, grid: Grid) -> None:
    """Write a picture as PNG, atomically.

    Raises:
        ReblurError: the file cannot be written.
    """
    buffer = io.BytesIO()
    Image.fromarray(grid).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def _grid(columns: Columns) -> Grid:
    """Columns side by side under their captions."""
    pictures = np.concatenate([np.concatenate(list(column), axis=0) for column in columns.values()], axis=1)
    zoom = -(-COLUMN_PX * len(columns) // pictures.shape[1])
    pictures = pictures.repeat(zoom, axis=0).repeat(zoom, axis=1)
    height, width = pictures.shape[:2]
    canvas = Image.new("RGB", (width, height + CAPTION_PX), "white")
    canvas.paste(Image.fromarray(pictures), (0, CAPTION_PX))
    draw = ImageDraw.Draw(canvas)
    for i, caption in enumerate(columns):
        draw.text((i * width // len(columns) + 3, 2), caption, fill="black")
    return np.asarray(canvas)


def _sigma_column(name: str, sigma_px: Tensor, sigma_max_px: float) -> Columns:
    return {_on_scale(name, sigma_max_px): _rgb((sigma_px / sigma_max_px).expand(-1, 3, -1, -1))}


def _reblur_columns(name: str, reblur: ReblurNet, sharp: Tensor, blurry: Tensor, sigma_max_px: float) -> Columns:
    """A sharp picture under the module's kernels, and their sigma."""
    said = reblur(sharp, blurry)
    reblurred = {f"{name} reblurred": _rgb(reblur_picture(reblur, sharp, said.tap_weights))}
    return reblurred | _sigma_column("reblur's sigma", said.sigma_px, sigma_max_px)


def _on_scale(name: str, sigma_max_px: float) -> str:
    return f"{name} (white = {sigma_max_px:g} px)"


def _squares(pictures: list[FloatArray]) -> Grid:
    """Pictures (h, w, 3) in [0, 1], each in the upper left of a white square: (N, CROP_PX, CROP_PX, 3)."""
    squares = np.full((len(pictures), CROP_PX, CROP_PX, 3), 255, np.uint8)
    for square, picture in zip(squares, pictures, strict=True):
        square[: picture.shape[0], : picture.shape[1]] = _codes(picture)
    return squares


def _rgb(images: Tensor) -> Grid:
    """(N, 3, H, W) -> (N, H, W, 3)."""
    return _codes(images.detach().float().permute(0, 2, 3, 1).cpu().numpy())


def _codes(values: NDArray[np.floating]) -> Grid:
    """Values, of which [0, 1] is shown, as 8-bit code values."""
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
