"""Pictures that come with scikit-image, at the size the graphs take: to calibrate with, and to check with.

The two sets share no picture, so a check never runs on what the ranges were taken from.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from train.optics.light import decode, encode
from train.optics.spatially_varying_blur import spatially_varying_blur

CALIBRATION_PICTURES = ("coffee", "chelsea", "rocket")
CHECK_PICTURES = ("astronaut", "camera", "motorcycle")


def load_picture(name: str, height: int, width: int) -> Tensor:
    """A picture of scikit-image's, (1, 3, H, W) float32, sRGB in [0, 1].

    It is made smaller where it can be, and mirrored at its right and lower edge where it is too small: a picture
    made larger would be blurry.

    Args:
        name: of ``CALIBRATION_PICTURES`` or ``CHECK_PICTURES``.
        height: wanted height in pixels.
        width: wanted width in pixels.
    """
    picture = _mirror_up(_raw(name), height, width)
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(height, round(picture.shape[0] * scale)), max(width, round(picture.shape[1] * scale)))
    planes = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0).contiguous().float() / 255.0
    planes = F.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return planes[:, :, top : top + height, left : left + width].clamp(0.0, 1.0).contiguous()


def blur_like_light(picture: Tensor, sigma_px: Tensor) -> Tensor:
    """Defocus a picture by the exact float reference, in linear light (sRGB's curve taken as a square).

    Args:
        picture: (1, 3, H, W), sRGB in [0, 1].
        sigma_px: (1, 1, H, W), pixels.

    Returns:
        (1, 3, H, W), sRGB in [0, 1].
    """
    return encode(spatially_varying_blur(decode(picture), sigma_px).clamp(max=1.0))


def diagonal_ramp(height: int, width: int, largest: float) -> Tensor:
    """A map that rises from 0 at the upper left corner to ``largest`` at the lower right one, (1, 1, H, W)."""
    rows = torch.linspace(0.0, 0.5, height).view(1, 1, height, 1)
    columns = torch.linspace(0.0, 0.5, width).view(1, 1, 1, width)
    return (largest * (rows + columns)).contiguous()


def _raw(name: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8; a grey picture is given three equal channels."""
    import skimage.data

    picture = skimage.data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(skimage.data, name)()
    return np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture[..., :3]


def _mirror_up(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    missing = (max(0, height - picture.shape[0]), max(0, width - picture.shape[1]))
    return np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
