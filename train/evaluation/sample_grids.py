"""Picture grids: what the figures mean to the eye. A row per scene or pair, a column per picture of it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn

from runtime.system.files import write_atomically
from train.data.pair_pool import Batch
from train.evaluation.held_out import HeldOut
from train.evaluation.inference import has_sigma_map, restore
from train.networks.reblur import ReblurNet
from train.objective.losses import reblur_picture

CAPTION_PX = 16
COLUMN_PX = 184
"""Least width of a column, for its caption: smaller pictures are drawn with larger pixels."""
FLOW_RANGE_PX = 4.0
"""Displacement drawn in full colour; a longer one looks the same."""

Grid = NDArray[np.uint8]
"""(H, W, 3)."""
Columns = dict[str, Grid]
"""Caption -> (N, H, W, 3), a picture for each row."""


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
    scale = f" (white = {sigma_max_px:g} px)"
    columns = {"blurry": _rgb(part.blurry), "restored": _rgb(restored), "sharp": _rgb(part.sharp)}
    if has_sigma_map(blur_map):
        columns["sigma" + scale] = _map(blur_map, sigma_max_px)
    if part.sigma_px.isfinite().all():
        columns["true sigma" + scale] = _map(part.sigma_px, sigma_max_px)
    if reblur is not None:
        device = next(reblur.parameters()).device
        sharp, blurry = part.sharp.to(device), part.blurry.to(device)
        said = reblur(sharp, blurry)
        columns["sharp reblurred"] = _rgb(reblur_picture(reblur, sharp, said.tap_weights))
        columns["reblur's sigma" + scale] = _map(said.sigma_px, sigma_max_px)
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
    scale = f" (white = {sigma_max_px:g} px)"
    columns = {
        "blurry": _rgb(blurry),
        "sharp, misaligned": _rgb(sharp),
        f"flow (full colour = {FLOW_RANGE_PX:g} px)": flow_colours(flow),
        "moved sharp": _rgb(moved),
        "mask (white = trusted)": _rgb(mask.expand(-1, 3, -1, -1)),
        "restored": _rgb(restored),
    }
    if has_sigma_map(blur_map):
        columns["sigma" + scale] = _map(blur_map, sigma_max_px)
    if reblur is not None:
        said = reblur(moved, blurry)
        columns["moved sharp reblurred"] = _rgb(reblur_picture(reblur, moved, said.tap_weights))
        columns["reblur's sigma" + scale] = _map(said.sigma_px, sigma_max_px)
    return _grid(columns)


def flow_colours(flow: Tensor) -> Grid:
    """Flow (N, 2, H, W) in pixels as (N, H, W, 3): hue is the direction, saturation the length, white stands still."""
    x, y = flow.float().cpu().numpy().transpose(1, 0, 2, 3)
    strength = np.clip(np.hypot(x, y) / FLOW_RANGE_PX, 0.0, 1.0)[..., None]
    hue = (np.arctan2(y, x) / (2 * np.pi)) % 1.0
    # A pure hue: each of red, green and blue is full within a sixth of the circle around its own third.
    pure = np.clip(np.abs((hue[..., None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6.0 - 3.0) - 1.0, 0.0, 1.0)
    colours: Grid = np.round(255 * (1.0 - strength * (1.0 - pure))).astype(np.uint8)
    return colours


def write_grid(
    path: Path,
    deblur: nn.Module,
    defocus: nn.Module,
    reblur: ReblurNet | None,
    data: HeldOut,
    rows: int = 6,
    sigma_max_px: float = 6.0,
) -> None:
    """Write ``held_out_grid`` as a PNG."""
    write_png(path, held_out_grid(deblur, defocus, reblur, data, sigma_max_px, rows))


def write_png(path: Path, grid: Grid) -> None:
    """Write a picture as PNG, atomically."""
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
    grid: Grid = np.asarray(canvas)
    return grid


def _rgb(images: Tensor) -> Grid:
    array = images.detach().float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    levels: Grid = np.round(array * 255).astype(np.uint8)
    return levels


def _map(sigma_px: Tensor, scale_px: float) -> Grid:
    return _rgb((sigma_px / scale_px).expand(-1, 3, -1, -1))
