"""Running the two deployable networks: on stacks of one size, and on whole pictures of any size.

Shapes: N pictures, C = 1 channel (sigma in pixels) or 35 (the paper's kernel seeds) of the blur map.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.data.photos import Picture
from train.progress import progress_bar

SIZE_MULTIPLE_PX = 32
"""Both sides of a picture have to be a multiple of this: no network here halves more often than five times."""


@torch.no_grad()
def restore(deblur: nn.Module, defocus: nn.Module, blurry: Tensor, batch_size: int = 8) -> tuple[Tensor, Tensor]:
    """Restored pictures and blur maps of blurry ones, computed where the networks are, returned on the CPU.

    Args:
        deblur: (blurry, blur map) -> sharp.
        defocus: blurry -> blur map.
        blurry: (N, 3, H, W), sRGB in [0, 1].
        batch_size: pictures at a time.

    Returns:
        Sharp pictures clamped to [0, 1] (N, 3, H, W) and blur maps (N, C, H, W).
    """
    device = next(deblur.parameters()).device
    sharp, blur_map = [], []
    for part in progress_bar(blurry.split(batch_size), desc="restoring", unit="batch", leave=False):
        part = part.to(device)
        of_part = defocus(part)
        sharp.append(deblur(part, of_part).clamp(0, 1).float().cpu())
        blur_map.append(of_part.float().cpu())
    return torch.cat(sharp), torch.cat(blur_map)


def restore_picture(deblur: nn.Module, defocus: nn.Module, blurry: Picture) -> tuple[Picture, Tensor]:
    """A picture of any size, run whole: padded by reflection at its right and bottom edge, then cropped back.

    Args:
        deblur: (blurry, blur map) -> sharp.
        defocus: blurry -> blur map.
        blurry: (H, W, 3), sRGB in [0, 1].

    Returns:
        The restored picture (H, W, 3) in [0, 1] and its blur map (1, C, H, W).
    """
    height, width = blurry.shape[:2]
    image = torch.from_numpy(np.ascontiguousarray(blurry.transpose(2, 0, 1)))[None]
    padding = (0, -width % SIZE_MULTIPLE_PX, 0, -height % SIZE_MULTIPLE_PX)
    sharp, blur_map = restore(deblur, defocus, F.pad(image, padding, mode="reflect"))
    restored: Picture = np.ascontiguousarray(sharp[0, :, :height, :width].permute(1, 2, 0).numpy())
    return restored, blur_map[:, :, :height, :width]


def has_sigma_map(blur_map: Tensor) -> bool:
    """Whether a blur map (N, C, H, W) is a sigma in pixels (C = 1) rather than the paper's kernel seeds."""
    return blur_map.shape[1] == 1
