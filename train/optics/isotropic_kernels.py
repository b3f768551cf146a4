"""Radially symmetric per-pixel kernels: the geometry of their taps and their application to an image.

All taps of an isotropic kernel that lie at the same distance from its centre carry the same weight. So a kernel
of radius 12 is 59 numbers, not 441, and applying one per pixel is a sum over *rings*,

    out(p) = sum_r w_r(p) * (sum over d with |d| = r of x(p + d)).

The ring sums are plain shifted additions, so no (B, k*k, H, W) stack of patches is ever held. The operation is
its own adjoint up to where the weights stand, which gives a short exact backward pass.

Shape legend: B batch, C channels, H x W pixels, R rings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.system.errors import ReblurError


@dataclass(frozen=True)
class Rings:
    """The taps of a disc of integer radius, grouped by their distance from the centre, nearest first."""

    radius: int
    squared_radii: tuple[int, ...]
    """|d|^2 of each ring; the first is 0."""
    offsets: tuple[tuple[tuple[int, int], ...], ...]
    """For each ring its taps (dy, dx)."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of taps of each ring; they sum to the taps of the disc."""
        return tuple(len(ring) for ring in self.offsets)

    def __len__(self) -> int:
        return len(self.squared_radii)


@cache
def rings_of(radius: int) -> Rings:
    """All integer taps with |d| <= radius, grouped into rings.

    ``rings_of(1)`` has two rings: the centre, and its four direct neighbours.
    """
    if radius < 0:
        raise ReblurError(f"radius must be 0 or more, got {radius}")
    by_distance: dict[int, list[tuple[int, int]]] = {}
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            distance = dy * dy + dx * dx
            if distance <= radius * radius:
                by_distance.setdefault(distance, []).append((dy, dx))
    ordered = sorted(by_distance)
    return Rings(radius, tuple(ordered), tuple(tuple(by_distance[d]) for d in ordered))


class _ApplyRings(torch.autograd.Function):
    """sum_r w_r * ring_sum_r(x) on an image padded by the radius; ring sums are recomputed in backward."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, weights: Tensor, radius: int) -> Tensor:
        ctx.save_for_backward(padded, weights)
        ctx.radius = radius
        out = torch.zeros_like(weights[:, :1] * padded[:, :, :1, :1])
        for r, ring in enumerate(rings_of(radius).offsets):
            out.addcmul_(weights[:, r : r + 1], _ring_sum(padded, ring, radius))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (grad,) = grads
        padded, weights = ctx.saved_tensors
        radius = ctx.radius
        height, width = grad.shape[-2:]
        need_image, need_weights = ctx.needs_input_grad[:2]
        grad_padded = torch.zeros_like(padded) if need_image else None
        grad_weights = torch.empty_like(weights) if need_weights else None
        for r, ring in enumerate(rings_of(radius).offsets):
            if grad_weights is not None:
                grad_weights[:, r] = (grad * _ring_sum(padded, ring, radius)).sum(1)
            if grad_padded is not None:
                spread = grad * weights[:, r : r + 1]
                for dy, dx in ring:
                    y, x = radius + dy, radius + dx
                    grad_padded[:, :, y : y + height, x : x + width] += spread
        return grad_padded, grad_weights, None


def _ring_sum(padded: Tensor, ring: tuple[tuple[int, int], ...], radius: int) -> Tensor:
    height, width = padded.shape[-2] - 2 * radius, padded.shape[-1] - 2 * radius
    total: Tensor | None = None
    for dy, dx in ring:
        y, x = radius + dy, radius + dx
        part = padded[:, :, y : y + height, x : x + width]
        total = part.clone() if total is None else total.add_(part)
    assert total is not None
    return total


def apply_isotropic(image: Tensor, tap_weights: Tensor, radius: int) -> Tensor:
    """Apply a radially symmetric kernel of its own at each pixel; the edge is replicated.

    Args:
        image: (B, C, H, W), any range.
        tap_weights: (B, R, H, W), the weight of *one* tap of each ring of ``rings_of(radius)`` at each pixel.
        radius: of the largest kernel.

    Returns:
        (B, C, H, W). Where ``sum_r count_r * tap_weights_r == 1`` a constant image is unchanged.
    """
    if tap_weights.shape[1] != len(rings_of(radius)):
        raise ReblurError(f"radius {radius} has {len(rings_of(radius))} rings, got weights for {tap_weights.shape[1]}")
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    return _ApplyRings.apply(padded, tap_weights, radius)


def variance_of(tap_weights: Tensor, radius: int) -> Tensor:
    """Variance per axis of radially symmetric kernels: sum_d k(d) |d|^2 / 2.

    Args:
        tap_weights: (B, R, H, W), normalised.
        radius: of the largest kernel.

    Returns:
        (B, 1, H, W), px^2. A uniform disc of radius r gives about (r / 2)^2, a Gaussian its sigma^2.
    """
    rings = rings_of(radius)
    moment = torch.tensor(
        [n * d / 2.0 for n, d in zip(rings.counts, rings.squared_radii, strict=True)],
        dtype=tap_weights.dtype,
        device=tap_weights.device,
    )
    return (tap_weights * moment.view(1, -1, 1, 1)).sum(1, keepdim=True)
