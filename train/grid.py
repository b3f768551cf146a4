"""Picture grids of held-out scenes: what the figures mean to the eye."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from runtime.files import write_atomically
from train.evaluate import HeldOut, restore
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.reblur import ReblurNet

COLUMNS = ("blurry", "restored", "sharp", "sigma", "true sigma", "reblur's sigma")
CAPTION_PX = 16


@torch.no_grad()
def write_grid(
    path: Path, deblur: DeblurNet, defocus: DefocusNet, reblur: ReblurNet | None, data: HeldOut, rows: int = 6
) -> None:
    """Write a PNG with a row per scene: blurry, restored, sharp, and the sigma maps on one scale.

    The last map, the reblurring module's for the aligned pair, is there in training only.
    """
    part = HeldOut(*(t[:rows] for t in data))
    restored, sigma_px = restore(deblur, defocus, part.blurry)
    scale_px = deblur.sigma_max_px
    columns = [_rgb(part.blurry), _rgb(restored), _rgb(part.sharp)]
    columns += [_map(sigma_px, scale_px), _map(part.sigma_px, scale_px)]
    if reblur is not None:
        columns.append(_map(reblur(part.sharp, part.blurry).sigma_px, scale_px))
    grid = np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)
    height, width = grid.shape[:2]
    picture = Image.new("RGB", (width, height + CAPTION_PX), "white")
    picture.paste(Image.fromarray(grid), (0, CAPTION_PX))
    draw = ImageDraw.Draw(picture)
    for i, caption in enumerate(COLUMNS[: len(columns)]):
        scale = f" (white = {scale_px:g} px)" if "sigma" in caption else ""
        draw.text((i * width // len(columns) + 3, 2), caption + scale, fill="black")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def _rgb(images: Tensor) -> NDArray[np.uint8]:
    array = images.clamp(0, 1).permute(0, 2, 3, 1).numpy()
    return np.round(array * 255).astype(np.uint8)


def _map(sigma_px: Tensor, scale_px: float) -> NDArray[np.uint8]:
    return _rgb((sigma_px / scale_px).expand(-1, 3, -1, -1))
