"""Alignment of a misaligned pair: optical flow, its refinement by matching blur, warping, and where to trust it.

A flow from a to b, f_ab (.., 2, H, W) in pixels (x first), says that a(p) shows what b(p + f_ab(p)) shows.

Flow between a blurry and a sharp picture is poor where it is needed most: the two look least alike where the blur
is large. ``refine`` therefore blurs the sharp picture first, at each place as much as the blurry one is there, and
measures what displacement is left between two pictures of equal blur (reblurring guides the alignment, as it later
guides the network). The displacement of a second shot is smooth, so a local affine fit takes out the noise.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runtime.system.arrays import FloatArray
from train.data.photos import Picture
from train.optics.light import decode, encode

Map = FloatArray

MATCH_SIGMAS_PX = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0)
"""Blurs of the sharp picture that are tried at each place."""
MATCH_WINDOW_PX = 6.0
"""Standard deviation of the window they are compared in."""
FIT_WINDOW_PX = 20.0
"""Standard deviation of the window of the local affine fit."""
FIT_STRIDE = 4
"""The fit is made on every fourth pixel: a smooth field needs no more."""
ROUNDS = 3
"""Rounds of matching and fitting; more gain next to nothing (``benchmarks.alignment``)."""
FOURIER_MARGIN_PX = 16
"""Border mirrored around a picture before it is enlarged by its Fourier series, which takes it as periodic."""


class Refined(NamedTuple):
    """What ``refine`` finds of a pair."""

    flow: Map
    """(2, H, W), from the blurry to the sharp picture, pixels."""
    moved_sharp: Picture
    """(H, W, 3), the sharp picture on the blurry one's grid, its exposure matched."""
    mask: Map
    """(H, W), 1 where that can be trusted, else 0."""


def _dis() -> cv2.DISOpticalFlow:
    """A new instance each time: one that was used before keeps its buffers, and what is in them finds its way out."""
    # It works in stripes, one a thread: with more than one its result would depend on the number of cores.
    cv2.setNumThreads(1)
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def flow_between(a: Picture, b: Picture) -> Map:
    """Dense inverse search flow from ``a`` to ``b``, both (H, W, 3) sRGB in [0, 1] -> (2, H, W) pixels."""
    grey_a, grey_b = (
        cv2.cvtColor((np.clip(picture, 0, 1) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for picture in (a, b)
    )
    flow = _dis().calc(grey_a, grey_b, np.empty(0, np.float32))  # empty: OpenCV makes the result
    return np.ascontiguousarray(flow.transpose(2, 0, 1), np.float32)


def batch_flow(a: Tensor, b: Tensor, method: Literal["dis", "raft"] = "dis") -> Tensor:
    """``flow_between`` for (B, 3, H, W) tensors -> (B, 2, H, W), without gradient, on the tensors' device.

    Raises:
        ReblurError: "raft" is asked for and its weights are not there.
    """
    if method == "raft":
        from train.data.raft import raft_flow

        return raft_flow(a, b)
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


def move(picture: Picture, flow: Map, interpolation: int = cv2.INTER_LANCZOS4) -> Picture:
    """``warp`` for one (H, W, C) picture and flow (2, H, W); Lanczos, because bicubic softens."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(picture, x + flow[0], y + flow[1], interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def move_finely(picture: Picture, flow: Map) -> Picture:
    """``move`` without any loss of sharpness: twice as dense first, by the picture's own Fourier series.

    At a fraction of a pixel Lanczos takes 7 % off the Laplacian of a picture in focus, and teaches a network that
    trains on it to soften; this takes nothing off.
    """
    height, width = picture.shape[:2]
    margin = min(FOURIER_MARGIN_PX, height - 1, width - 1)
    fine: Any = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    for axis in (0, 1):
        fine = _twice_as_dense(fine, axis)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = 2.0 * (x + flow[0] + margin), 2.0 * (y + flow[1] + margin)
    moved: Picture = cv2.remap(fine.astype(np.float32), x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return moved


def _twice_as_dense(signal: NDArray[np.floating], axis: int) -> NDArray[np.floating]:
    """Twice the samples of a periodic signal along one axis, by its Fourier series; every other one is the signal's."""
    count = signal.shape[axis]
    spectrum = np.moveaxis(np.fft.rfft(signal, axis=axis), axis, -1)
    if count % 2 == 0:
        spectrum[..., -1] *= 0.5  # the last wave stands for two of the longer series
    return np.moveaxis(2.0 * np.fft.irfft(spectrum, n=2 * count, axis=-1), -1, axis)


def refine(blurry: Picture, sharp: Picture, flow: Map, *, finely: bool = False) -> Refined:
    """Refine a flow by matching blur.

    Args:
        blurry: (H, W, 3), sRGB in [0, 1].
        sharp: (H, W, 3), the same scene in focus, misaligned.
        flow: (2, H, W), from ``blurry`` to ``sharp``, pixels; a first guess.
        finely: whether the sharp picture is moved by ``move_finely``.
    """
    bank = blur_bank(sharp)
    detail = _detail(blurry)
    fitted = fit_locally_affine(flow, detail * (np.abs(flow).max(0) < 0.25 * min(flow.shape[1:])))
    residual = np.zeros_like(flow)
    for _ in range(ROUNDS):
        matched = match_blur(blurry, bank, fitted)
        residual = flow_between(blurry, np.clip(matched * gain_between(blurry, matched), 0, 1))
        steady = 1.0 / (1.0 + (residual**2).sum(0) / 0.5**2)
        fitted = fit_locally_affine(fitted + residual, detail * steady)
    matched = match_blur(blurry, bank, fitted)
    gain = gain_between(blurry, matched)
    moved = np.clip((move_finely if finely else move)(sharp, fitted) * gain, 0, 1)
    return Refined(fitted, moved.astype(np.float32), _trusted(blurry, matched * gain, fitted))


def blur_bank(sharp: Picture) -> list[Picture]:
    """The picture under each of ``MATCH_SIGMAS_PX``, blurred as square-law light."""
    light = decode(sharp)
    blurred = [
        light if s == 0 else cv2.GaussianBlur(light, (0, 0), s, borderType=cv2.BORDER_REFLECT_101)
        for s in MATCH_SIGMAS_PX
    ]
    return [encode(np.asarray(b, np.float32)) for b in blurred]


def match_blur(blurry: Picture, bank: list[Picture], flow: Map) -> Picture:
    """The sharp picture moved by ``flow`` and blurred at each place as much as ``blurry`` is there: (H, W, 3)."""
    best: Picture | None = None
    least: Map | None = None
    for candidate in bank:
        moved = move(candidate, flow, cv2.INTER_LINEAR)
        cost = cv2.GaussianBlur(((moved - blurry) ** 2).sum(-1), (0, 0), MATCH_WINDOW_PX)
        if best is None or least is None:
            best, least = moved, cost
        else:
            better = cost < least
            best = np.where(better[..., None], moved, best)
            least = np.minimum(cost, least)
    assert best is not None
    return best


def gain_between(blurry: Picture, matched: Picture) -> FloatArray:
    """Per-channel factor on ``matched`` for equal exposure and white balance, within 10 %; (3,)."""
    sums = (blurry * matched).sum((0, 1)) / np.maximum((matched * matched).sum((0, 1)), 1e-6)
    return np.clip(sums, 0.9, 1.1).astype(np.float32)


def fit_locally_affine(flow: Map, confidence: Map) -> Map:
    """Weighted least squares of an affine motion in a Gaussian window around each place.

    Args:
        flow: (2, H, W), pixels.
        confidence: (H, W), 0 or more.

    Returns:
        (2, H, W): the fitted motion at the window's centre.
    """
    height, width = confidence.shape
    size = (-(-width // FIT_STRIDE), -(-height // FIT_STRIDE))
    window = FIT_WINDOW_PX / FIT_STRIDE

    def small(field: Map) -> Map:
        return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_AREA), np.float32)

    def pooled(field: Map) -> NDArray[np.float64]:
        blurred = cv2.GaussianBlur(field, (0, 0), window, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(blurred, np.float64)

    weight = small(confidence.astype(np.float32)) + 1e-7
    y, x = (np.mgrid[0 : size[1], 0 : size[0]] / window).astype(np.float32)
    basis = [np.ones_like(x), x, y]
    total = pooled(weight)
    matrix = np.stack([np.stack([pooled(weight * p * q) / total for q in basis], -1) for p in basis], -2)
    # Centre the coordinates on each window, so that the ridge holds back slopes and never the mean.
    matrix, offset = _centred(matrix)
    fitted = []
    for component in flow:
        part = small(component) if confidence.min() > 0 else small(component * confidence) / weight
        mean, mx, my = (pooled(weight * p * part) / total for p in basis)
        slope = np.linalg.solve(matrix, np.stack([mx - offset[0] * mean, my - offset[1] * mean], -1)[..., None])[..., 0]
        value = mean + slope[..., 0] * (x - offset[0]) + slope[..., 1] * (y - offset[1])
        fitted.append(cv2.resize(value.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR))
    return np.stack(fitted)


def _centred(
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Covariance (.., 2, 2) of x and y in each window, with a small ridge, and their means."""
    mean_x, mean_y = matrix[..., 0, 1], matrix[..., 0, 2]
    covariance = np.empty((*matrix.shape[:-2], 2, 2))
    covariance[..., 0, 0] = matrix[..., 1, 1] - mean_x**2 + 0.05
    covariance[..., 1, 1] = matrix[..., 2, 2] - mean_y**2 + 0.05
    covariance[..., 0, 1] = covariance[..., 1, 0] = matrix[..., 1, 2] - mean_x * mean_y
    return covariance, (mean_x, mean_y)


def _detail(picture: Picture) -> Map:
    """(H, W): squared gradient of the brightness, smoothed: how well a displacement can be measured."""
    grey = picture.mean(-1)
    dx, dy = cv2.Sobel(grey, -1, 1, 0) / 8, cv2.Sobel(grey, -1, 0, 1) / 8
    return cv2.GaussianBlur(dx * dx + dy * dy, (0, 0), 2.0)


def _trusted(blurry: Picture, matched: Picture, flow: Map) -> Map:
    """1 where the matched picture looks like the blurry one, in view of its contrast, and lies in the picture."""
    height, width = flow.shape[1:]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = (x + flow[0] >= 0) & (x + flow[0] <= width - 1) & (y + flow[1] >= 0) & (y + flow[1] <= height - 1)
    error = cv2.GaussianBlur(((matched - blurry) ** 2).mean(-1), (0, 0), 3.0)
    local_mean = cv2.GaussianBlur(blurry, (0, 0), 5.0)
    contrast = cv2.GaussianBlur(((blurry - local_mean) ** 2).mean(-1), (0, 0), 5.0)
    return (inside & (error < 0.015**2 + 0.1 * contrast)).astype(np.float32)
