"""Point spread functions of an aperture (disc, polygon, Gaussian), and blur by them in the frequency domain.

Shapes: N kernels of side K = 2 * reach + 1; images (N, C, F, F). A kernel's sigma is its standard deviation per axis,
sqrt(sum k |d|^2 / 2), in pixels: a disc of radius R has R / 2, a regular n-gon of circumradius R has
R sqrt((2 + cos(2 pi / n)) / 12).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.errors import ReblurError

PsfKind = Literal["disc", "polygon", "gaussian"]
PSF_KINDS: tuple[PsfKind, ...] = get_args(PsfKind)
BLADES = (5, 8)
"""Fewest and most blades of a polygonal aperture."""
SMALLEST_SIGMA_PX = 0.5
"""A smaller PSF falls between the pixels; it is made of this one and the identity, mixed for the right variance."""
GAUSSIAN_REACH_SIGMAS = 4.0
"""Taps further out carry 0.03 % of a Gaussian's mass; the other kinds end earlier."""


class Aperture(NamedTuple):
    """The shape of N apertures, as tensors on one device; ``aperture`` makes one."""

    gaussian: Tensor
    """(N,), 1 where the PSF is a Gaussian and the rest does not matter, else 0."""
    normals: Tensor
    """(N, 8, 2), unit normals (x, y) of the blades; with fewer blades some are repeated."""
    apothem: Tensor
    """(N,), distance of the blades from the centre at a sigma of 1."""
    roundness: Tensor
    """(N,), 0 for straight blades to 1 for a disc."""


class ApertureShape(NamedTuple):
    """One aperture, in plain numbers."""

    kind: PsfKind
    blades: int = 6
    rotation_rad: float = 0.0
    roundness: float = 0.0


def aperture(shapes: list[ApertureShape], device: torch.device | str = "cpu") -> Aperture:
    """The tensors of some apertures.

    Raises:
        ReblurError: there is no such kind, or the number of blades is out of bounds.
    """
    gaussian, apothem, roundness = (np.zeros(len(shapes), np.float32) for _ in range(3))
    normals = np.zeros((len(shapes), BLADES[1], 2), np.float32)
    for row, shape in enumerate(shapes):
        if shape.kind not in PSF_KINDS:
            raise ReblurError(f"no PSF of kind {shape.kind!r}: expected one of {', '.join(PSF_KINDS)}")
        if not BLADES[0] <= shape.blades <= BLADES[1]:
            raise ReblurError(f"an aperture has {BLADES[0]} to {BLADES[1]} blades, got {shape.blades}")
        gaussian[row] = shape.kind == "gaussian"
        roundness[row] = 1.0 if shape.kind == "disc" else shape.roundness
        apothem[row] = math.cos(math.pi / shape.blades) / math.sqrt((2 + math.cos(2 * math.pi / shape.blades)) / 12)
        normals[row] = _blade_normals(shape)
    tensors = (torch.from_numpy(array).to(device) for array in (gaussian, normals, apothem, roundness))
    return Aperture(*tensors)


def _blade_normals(shape: ApertureShape) -> NDArray[np.float64]:
    angles = shape.rotation_rad + 2 * np.pi * (np.arange(BLADES[1]) % shape.blades) / shape.blades
    return np.stack([np.cos(angles), np.sin(angles)], -1)


def reach_px(sigma_max_px: float) -> int:
    """Radius in pixels within which every PSF of at most this sigma lies."""
    return max(2, math.ceil(GAUSSIAN_REACH_SIGMAS * sigma_max_px))


def psf_kernels(sigma_px: Tensor, shape: Aperture, reach: int) -> Tensor:
    """Normalised kernels of the given sigmas.

    The outline is drawn with a rim one pixel wide, which stands for partly covered pixels; the size is then
    corrected once, since that rim and the pixel grid change the variance of a small PSF.

    Args:
        sigma_px: (N,), 0 gives the identity.
        shape: of N apertures.
        reach: radius of the kernels, at least ``reach_px`` of the largest sigma.

    Returns:
        (N, 2 * reach + 1, 2 * reach + 1), each summing to 1.
    """
    drawn_px = sigma_px.clamp(min=SMALLEST_SIGMA_PX)
    size_px = (drawn_px**2 - 1 / 12).sqrt()
    kernels = _draw(size_px, shape, reach)
    kernels = _draw(size_px * drawn_px / kernel_sigma_px(kernels), shape, reach)
    share = (sigma_px / kernel_sigma_px(kernels)).square().clamp(max=1.0)
    identity = torch.zeros_like(kernels)
    identity[:, reach, reach] = 1.0
    return torch.lerp(identity, kernels, share[:, None, None])


def _draw(size_px: Tensor, shape: Aperture, reach: int) -> Tensor:
    """(N, K, K) kernels whose outline belongs to a sigma of ``size_px`` (N,)."""
    offsets = torch.arange(-reach, reach + 1, device=size_px.device, dtype=size_px.dtype)
    y, x = offsets[:, None], offsets[None, :]
    squared = (x * x + y * y)[None]
    size = size_px[:, None, None]
    normals = shape.normals[..., None, None]
    beyond_blades = (normals[:, :, 0] * x + normals[:, :, 1] * y).amax(1) - shape.apothem[:, None, None] * size
    beyond_disc = squared.sqrt() - 2.0 * size
    outline = (0.5 - torch.lerp(beyond_blades, beyond_disc, shape.roundness[:, None, None])).clamp(0.0, 1.0)
    bell = torch.exp(-0.5 * squared / size.square())
    kernels = torch.where(shape.gaussian[:, None, None] > 0, bell, outline)
    return kernels / kernels.sum((1, 2), keepdim=True)


def kernel_sigma_px(kernels: Tensor) -> Tensor:
    """(N, K, K) centred kernels -> (N,) standard deviation per axis, in pixels."""
    reach = kernels.shape[-1] // 2
    offsets = torch.arange(-reach, reach + 1, device=kernels.device, dtype=kernels.dtype)
    squared = offsets[:, None] ** 2 + offsets[None, :] ** 2
    return ((kernels * squared).sum((1, 2)) / 2).clamp(min=0.0).sqrt()


def blur_circular(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image with its kernel, the image taken as periodic: within K // 2 of the edge it wraps around.

    Args:
        images: (N, C, F, F), any range.
        kernels: (N, K, K), K odd and at most F.

    Returns:
        (N, C, F, F).
    """
    side, reach = images.shape[-1], kernels.shape[-1] // 2
    after = side - kernels.shape[-1]
    centred = torch.roll(F.pad(kernels, (0, after, 0, after)), (-reach, -reach), dims=(1, 2))
    transfer = torch.fft.rfft2(centred)[:, None]
    return torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(side, side))
