"""What JPEG does to a picture, as tensor arithmetic: 8x8 DCT, quantisation, 4:2:0 chroma (ITU-T T.81, JFIF).

Entropy coding loses nothing and is left out. Chroma is averaged 2x2 and enlarged with the triangle filter that
libjpeg uses. Against what Pillow writes and reads, only coefficients at the brink of two quantisation steps differ: on
average by about one code value.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantisation steps of luminance at quality 50: T.81, table K.1."""
CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
"""The same for both chroma channels: T.81, table K.2."""
YCBCR_OF_RGB = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
RGB_OF_YCBCR = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def jpeg_round_trip(srgb: Tensor, quality: Tensor) -> Tensor:
    """Encode and decode.

    Args:
        srgb: (N, 3, H, W), sRGB in [0, 1].
        quality: (N,), 1 to 100, as libjpeg counts it.

    Returns:
        (N, 3, H, W), sRGB in [0, 1], of 256 levels.
    """
    height, width = srgb.shape[-2:]
    # As libjpeg does: columns are repeated before chroma is averaged, rows after that.
    padded = F.pad(srgb, (0, -width % (2 * BLOCK), 0, -height % 2), mode="replicate")
    ycbcr = _mix((padded * 255.0).round(), YCBCR_OF_RGB).round()
    luma, chroma = ycbcr[:, :1], F.avg_pool2d(ycbcr[:, 1:], 2)
    luma = _quantized(luma - 128.0, quality_table(LUMA_TABLE, quality)) + 128.0
    chroma = _quantized(chroma.round(), quality_table(CHROMA_TABLE, quality))
    chroma = chroma.round().clamp(-128, 127)[..., : -(-height // 2), : -(-width // 2)]
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width].round()
    luma = luma.round().clamp(0, 255)[..., :height, :width]
    rgb = _mix(torch.cat([luma, chroma], 1), RGB_OF_YCBCR)
    return rgb.round().clamp(0, 255) / 255.0


def quality_table(table: tuple[tuple[int, ...], ...], quality: Tensor) -> Tensor:
    """(N, 8, 8) quantisation steps at qualities (N,), scaled as libjpeg does."""
    percent = torch.where(quality < 50, torch.floor(5000.0 / quality), 200.0 - 2.0 * quality)
    base = torch.tensor(table, dtype=torch.float32, device=quality.device)
    return torch.floor((base * percent[:, None, None] + 50.0) / 100.0).clamp(1, 255)


def _quantized(planes: Tensor, steps: Tensor) -> Tensor:
    """DCT, quantisation and back of (N, C, H, W) with steps (N, 8, 8)."""
    rows = planes.shape[2]
    planes = F.pad(planes, (0, 0, 0, -rows % BLOCK), mode="replicate")
    count, channels, height, width = planes.shape
    dct = _dct_matrix(planes.device)
    blocks = planes.reshape(count, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    steps = steps[:, None, None, None]
    coefficients = torch.round(dct @ blocks @ dct.T / steps) * steps
    return (dct.T @ coefficients @ dct).transpose(3, 4).reshape(planes.shape)[:, :, :rows]


@cache
def _dct_matrix(device: torch.device) -> Tensor:
    """The orthonormal DCT-II: row k holds the k-th cosine."""
    k = torch.arange(BLOCK, dtype=torch.float64)
    matrix = torch.cos(math.pi / BLOCK * (k[None, :] + 0.5) * k[:, None]) * math.sqrt(2.0 / BLOCK)
    matrix[0] /= math.sqrt(2.0)
    return matrix.float().to(device)


def _mix(planes: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """(N, 3, H, W) with each pixel's channels multiplied by a 3x3 matrix."""
    weights = torch.tensor(matrix, dtype=planes.dtype, device=planes.device)
    return torch.einsum("ij,njhw->nihw", weights, planes)
