"""Picture grid of misaligned pairs: the most textured part of each, before, after, as it should be, and its blur."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from runtime.system.arrays import FloatArray
from runtime.system.files import write_atomically
from train.data.photos import Picture
from train.evaluation.inference import has_sigma_map

CROP_PX = 256
CAPTION_PX = 16


class PairCrops(NamedTuple):
    """The same part of four pictures, (h, w, 3) sRGB in [0, 1], h and w at most ``CROP_PX``."""

    blurry: Picture
    output: Picture
    truth: Picture
    sigma_px: FloatArray | None
    """(h, w); None where the blur map is no sigma."""


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


def write_pair_grid(path: Path, rows: list[PairCrops], sigma_max_px: float) -> None:
    """Write a PNG with a row per pair: blurry, restored, ground truth, and sigma with white for ``sigma_max_px``.

    Raises:
        ReblurError: the file cannot be written.
    """
    captions = ["blurry", "restored", "ground truth"]
    if rows[0].sigma_px is not None:
        captions.append(f"sigma (white = {sigma_max_px:g} px)")
    picture = Image.new("RGB", (CROP_PX * len(captions), CAPTION_PX + CROP_PX * len(rows)), "white")
    draw = ImageDraw.Draw(picture)
    for column, caption in enumerate(captions):
        draw.text((column * CROP_PX + 3, 2), caption, fill="black")
    for row, crops in enumerate(rows):
        shown = [crops.blurry, crops.output, crops.truth]
        if crops.sigma_px is not None:
            shown.append(np.repeat(crops.sigma_px[..., None] / sigma_max_px, 3, axis=2))
        for column, pixels in enumerate(shown):
            codes = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
            picture.paste(Image.fromarray(codes), (column * CROP_PX, CAPTION_PX + row * CROP_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
