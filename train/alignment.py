"""Alignment of a misaligned pair: optical flow, warping and the masks of where to trust it.

A flow from a to b, f_ab (.., 2, H, W) in pixels (x first), says that a(p) shows what b(p + f_ab(p)) shows.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from train.data.photos import Picture


@cache
def _dis() -> cv2.DISOpticalFlow:
    # It works in stripes, one a thread: with more than one its result would depend on the number of cores.
    cv2.setNumThreads(1)
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def flow_between(a: Picture, b: Picture) -> NDArray[np.float32]:
    """Dense inverse search flow from ``a`` to ``b``, both (H, W, 3) sRGB in [0, 1] -> (2, H, W) pixels."""
    grey_a, grey_b = (
        cv2.cvtColor((np.clip(picture, 0, 1) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for picture in (a, b)
    )
    return np.ascontiguousarray(_dis().calc(grey_a, grey_b, None).transpose(2, 0, 1), np.float32)


def batch_flow(a: Tensor, b: Tensor) -> Tensor:
    """``flow_between`` for (B, 3, H, W) tensors -> (B, 2, H, W), without gradient, on the tensors' device."""
    pictures = [t.detach().permute(0, 2, 3, 1).float().cpu().numpy() for t in (a, b)]
    flows = [flow_between(x, y) for x, y in zip(*pictures, strict=True)]
    return torch.from_numpy(np.stack(flows)).to(a.device)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample ``image`` (B, C, H, W) at p + flow(p), bicubically; flow (B, 2, H, W) in pixels.

    ``warp(b, f_ab)`` moves b onto a.
    """
    height, width = image.shape[-2:]
    x, y = _sample_positions(flow)
    grid = torch.stack([x * (2.0 / (width - 1)) - 1.0, y * (2.0 / (height - 1)) - 1.0], dim=-1)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=True)


def trust_mask(forward: Tensor, backward: Tensor, consistency_px: float) -> Tensor:
    """(B, 1, H, W), 1 where the flow can be trusted: it stays in the picture and the flow back undoes it."""
    height, width = forward.shape[-2:]
    x, y = _sample_positions(forward)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    there_and_back = (forward + warp(backward, forward)).norm(dim=1)
    return ((there_and_back < consistency_px) & inside).float().unsqueeze(1)


def _sample_positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype).view(1, 1, -1) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype).view(1, -1, 1) + flow[:, 1]
    return x, y
