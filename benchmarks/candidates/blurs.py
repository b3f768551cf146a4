"""One blur with a sigma of its own at each pixel, by ours and by what else there is: the same picture, the same map.

The map is smooth, 0 to ``SIGMA_PX`` along the diagonal, so a plain gather is right and all may be compared with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.rows import Parity, Subject
from benchmarks.measuring.session import engine_of
from export.data.pictures import diagonal_ramp, load_picture
from runtime.backends import open_artifact
from runtime.backends.base import cpu_threads
from runtime.manifest.manifest import Manifest
from runtime.refocusing.rendering import refocused
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from train.optics.light import decode, encode
from train.optics.spatially_varying_blur import spatially_varying_blur

SIGMA_PX = 8.0
STEPS = 8
"""Evenly blurred copies of a stack, between which pixels interpolate."""
COMPARED_PX = (256, 256)
"""Size at which answers are compared with the exact gather, which takes minutes at larger ones."""

Blur = Callable[[FloatArray, FloatArray], FloatArray]
"""(H, W, 3) linear light and (H, W) sigma in pixels -> (H, W, 3)."""


def exact_gather(light: FloatArray, sigma_px: FloatArray) -> FloatArray:
    """The definition: every pixel gathers what its own Gaussian reaches."""
    planes = torch.from_numpy(light).permute(2, 0, 1)[None]
    blurred = spatially_varying_blur(planes, torch.from_numpy(sigma_px)[None, None])
    return blurred[0].permute(1, 2, 0).contiguous().numpy()


def opencv_stack(light: FloatArray, sigma_px: FloatArray) -> FloatArray:
    """Evenly blurred copies by OpenCV."""
    import cv2

    return _stacked(light, sigma_px, lambda sigma: np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), np.float32))


def scipy_stack(light: FloatArray, sigma_px: FloatArray) -> FloatArray:
    """Evenly blurred copies by SciPy."""
    from scipy.ndimage import gaussian_filter

    return _stacked(light, sigma_px, lambda sigma: gaussian_filter(light, (sigma, sigma, 0.0), mode="nearest"))


def torch_stack(light: FloatArray, sigma_px: FloatArray) -> FloatArray:
    """Evenly blurred copies by torch: the stack of Gaussians, separable."""
    planes = torch.from_numpy(light).permute(2, 0, 1)[:, None]

    def blurred(sigma: float) -> FloatArray:
        radius = int(np.ceil(3.0 * sigma))
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
        taps = torch.exp(-0.5 * (offsets / sigma) ** 2)
        taps = taps / taps.sum()
        padded = torch.nn.functional.pad(planes, (radius,) * 4, mode="replicate")
        rows = torch.nn.functional.conv2d(padded, taps.view(1, 1, 1, -1))
        return torch.nn.functional.conv2d(rows, taps.view(1, 1, -1, 1))[:, 0].permute(1, 2, 0).numpy()

    return _stacked(light, sigma_px, blurred)


def _stacked(light: FloatArray, sigma_px: FloatArray, blurred: Callable[[float], FloatArray]) -> FloatArray:
    sigmas = np.linspace(0.0, max(float(sigma_px.max()), 1.0), STEPS)
    copies = [light, *(blurred(float(sigma)) for sigma in sigmas[1:])]
    place = np.clip(sigma_px / np.float32(sigmas[1]), 0.0, STEPS - 1.0)
    low = np.minimum(place.astype(np.int32), STEPS - 2)
    result = np.empty_like(light)
    for index in range(STEPS - 1):
        here = low == index
        share = (place[here] - index)[:, None]
        result[here] = copies[index][here] * (1.0 - share) + copies[index + 1][here] * share
    return result


@functools.cache
def _numba_passes() -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Two passes, along rows and along columns, each with the pixel's own taps: compiled once."""
    import numba

    @numba.njit(parallel=True, fastmath=True, cache=False)
    def one_pass(image: FloatArray, sigma: FloatArray, down: int, right: int) -> FloatArray:  # pragma: no cover
        height, width = sigma.shape
        result = np.empty_like(image)
        for y in numba.prange(height):
            for x in range(width):
                s = max(sigma[y, x], np.float32(0.3))
                radius = int(np.ceil(3.0 * s))
                ratio = np.exp(np.float32(-0.5) / (s * s))
                square, weight, step = ratio * ratio, np.float32(1.0), ratio
                red, green, blue = image[y, x, 0], image[y, x, 1], image[y, x, 2]
                total = np.float32(1.0)
                for k in range(1, radius + 1):
                    weight *= step  # exp(-k^2 / 2 s^2) from the one before, by a factor that shrinks evenly
                    step *= square
                    y0, y1 = max(y - k * down, 0), min(y + k * down, height - 1)
                    x0, x1 = max(x - k * right, 0), min(x + k * right, width - 1)
                    red += weight * (image[y0, x0, 0] + image[y1, x1, 0])
                    green += weight * (image[y0, x0, 1] + image[y1, x1, 1])
                    blue += weight * (image[y0, x0, 2] + image[y1, x1, 2])
                    total += np.float32(2.0) * weight
                result[y, x, 0], result[y, x, 1], result[y, x, 2] = red / total, green / total, blue / total
        return result

    return lambda light, sigma: one_pass(one_pass(light, sigma, 0, 1), sigma, 1, 0)


def numba_by_hand(light: FloatArray, sigma_px: FloatArray) -> FloatArray:
    """What one writes first in a compiled language."""
    return _numba_passes()(light, sigma_px)


def _numba_threads(count: int) -> None:
    import numba

    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))


def _opencv_threads(count: int) -> None:
    import cv2

    cv2.setNumThreads(count)


WAYS: dict[str, tuple[str, Blur, Callable[[int], None] | None]] = {
    "exact-gather": ("torch", exact_gather, torch.set_num_threads),
    "torch-stack": ("torch", torch_stack, torch.set_num_threads),
    "opencv-stack": ("opencv", opencv_stack, _opencv_threads),
    "numba-by-hand": ("numba", numba_by_hand, _numba_threads),
    "scipy-stack": ("scipy", scipy_stack, None),
}
"""Name -> back end, function, and what sets its threads: SciPy has one."""
OURS = ("refocus", "preview")
"""Graphs of an export, through their fp32 TFLite files."""


def cases(size_px: tuple[int, int], threads: int | None, directory: Path) -> list[Case]:
    """Ours and all others."""
    rows = [(f"blur-{graph}-tflite-fp32", "tflite") for graph in OURS]
    rows += [(f"blur-{name}", backend) for name, (backend, *_) in WAYS.items()]
    return [
        Case(
            kind="blur",
            stage="preview" if "preview" in name else "refocus",
            id=name,
            backend=backend,
            precision="fp32",
            size_px=size_px,
            threads=threads,
            source=str(directory),
        )
        for name, backend in rows
    ]


def open_case(case: Case) -> Opened:
    """Ready to blur.

    Raises:
        ReblurError: the export has no such file, or the library is not installed.
    """
    name = case.id.removeprefix("blur-")
    blur = _ours(case, name.partition("-")[0]) if case.backend == "tflite" else _other(case, name)
    light, sigma_px = _inputs(case.size_px)
    blur(light, sigma_px)  # compiles, where that is needed
    return Opened(
        run=lambda: blur(light, sigma_px),
        subject=Subject(kind="kernel", id=case.id, precision="fp32", shape=case.size_px),
        engine=engine_of(case),
        parity=lambda: _parity(blur),
    )


def _other(case: Case, name: str) -> Blur:
    if name not in WAYS:
        raise ReblurError(f"no blur {case.id!r}: choose from {', '.join(f'blur-{known}' for known in WAYS)}")
    _, blur, set_threads = WAYS[name]
    if set_threads is not None:
        set_threads(cpu_threads(case.threads))
    return blur


def _ours(case: Case, graph: str) -> Blur:
    """The graph takes code values and squares them, so light goes in as its root."""
    directory = Path(case.source)
    manifest = Manifest.load(directory, with_checks=False)
    artifact = manifest.artifact(f"{graph}-tflite-fp32")
    tiled = TiledGraph.of(open_artifact(artifact, directory, case.threads), manifest.graphs[graph].halo_px)
    return lambda light, sigma_px: refocused(tiled, np.sqrt(light), sigma_px) ** 2


def _inputs(size_px: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    light = decode(load_picture("astronaut", *size_px))[0].permute(1, 2, 0).contiguous().numpy()
    return light, diagonal_ramp(*size_px, SIGMA_PX)[0, 0].numpy()


@functools.cache
def _exact() -> FloatArray:
    return exact_gather(*_inputs(COMPARED_PX))


def _parity(blur: Blur) -> tuple[Parity, ...]:
    """How close it comes to the exact gather, in code values."""
    answer, exact = (_encoded(picture) for picture in (blur(*_inputs(COMPARED_PX)), _exact()))
    error = max(float(((answer.double() - exact.double()) ** 2).mean()), 1e-15)
    height, width = COMPARED_PX
    return (
        Parity(
            against="float",
            case=f"ramp to {SIGMA_PX:g} px at {height}x{width}",
            tensor="refocused",
            statistic="psnr_db",
            value=round(-10.0 * float(np.log10(error)), 2),
            limit=None,
            passed=None,
        ),
    )


def _encoded(light: FloatArray) -> Tensor:
    return encode(torch.from_numpy(np.clip(light, 0.0, 1.0)))
