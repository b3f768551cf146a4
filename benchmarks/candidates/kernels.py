"""Single operations of the runtime and of training, by themselves; and the one that all others are held against.

``python -m pytest benchmarks/kernels.py`` times the same table with pytest-benchmark.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.protocol import Run
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import engine_of
from export.data.pictures import load_picture
from export.graphs.multiscale_blur import MultiscaleBlur
from export.graphs.refocus import LayeredBlur
from runtime.backends.base import cpu_threads
from runtime.photos.photo import resize
from runtime.refocusing.defocus_map import smooth_defocus
from runtime.refocusing.optics import target_sigma_px
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from train.optics.isotropic_kernels import apply_isotropic, rings_of

Size = tuple[int, int]
CALIBRATION = "calibration"
RADIUS_PX = 6
"""Of the per-pixel kernels."""
SIGMA_MAX_PX = 6.0
TILE_PX, HALO_PX = 256, 32
"""Of the tiles that cost nothing but the cutting."""
PEAK_MATRIX, PEAK_BYTES = 1536, 256 * 2**20
"""Side of the matrices, and bytes that are read and again as many written, of the peaks."""
CALIBRATED, CALIBRATION_ROUNDS = (96, 128), 20
"""Of the calibration kernel: about two milliseconds."""


def _picture(size_px: Size) -> FloatArray:
    return load_picture("astronaut", *size_px)[0].permute(1, 2, 0).contiguous().numpy()


def _sigma(size_px: Size) -> FloatArray:
    rows = np.linspace(0.0, SIGMA_MAX_PX, size_px[0], dtype=np.float32)[:, None]
    return np.broadcast_to(rows, size_px).copy()


def _calibration(size_px: Size) -> Run:
    """Sums, gathers and element-wise arithmetic of NumPy, nothing of ours: what a machine's speed is told by.

    Alike in kind to most of the kernels, so that a busy neighbour slows both; the same whatever the size.
    """
    generator = np.random.default_rng(0)
    first, second = generator.random(CALIBRATED), generator.random(CALIBRATED)
    rows = np.arange(CALIBRATED[0])

    def run() -> None:
        for _ in range(CALIBRATION_ROUNDS):
            sums = first.cumsum(0) * second
            np.sqrt((sums.take(rows, 0) + second) / (1.0 + first))

    return run


def _module(module: torch.nn.Module, with_sign: bool) -> Callable[[Size], Run]:
    def make(size_px: Size) -> Run:
        light = torch.from_numpy(_picture(size_px) ** 2).permute(2, 0, 1)[None].contiguous()
        sigma = torch.from_numpy(_sigma(size_px))[None, None]
        sigma = sigma - SIGMA_MAX_PX / 2.0 if with_sign else sigma

        @torch.inference_mode()
        def run() -> object:
            return module(light, sigma)

        return run

    return make


def naive(image: Tensor, tap_weights: Tensor, radius: int) -> Tensor:
    """What ``apply_isotropic`` computes, by way of a stack of patches: (B, 3, k k, H, W) and their sum."""
    side = 2 * radius + 1
    batch, channels, height, width = image.shape
    position = {tap: r for r, ring in enumerate(rings_of(radius).offsets) for tap in ring}
    rings = len(rings_of(radius))
    taps = [(y, x) for y in range(-radius, radius + 1) for x in range(-radius, radius + 1)]
    index = torch.tensor([position.get(tap, rings) for tap in taps])
    weights = torch.cat([tap_weights, torch.zeros_like(tap_weights[:, :1])], dim=1)[:, index]
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    patches = F.unfold(padded, side).view(batch, channels, side * side, height, width)
    return (patches * weights.unsqueeze(1)).sum(2)


def _isotropic(form: Callable[[Tensor, Tensor, int], Tensor]) -> Callable[[Size], Run]:
    """Forward and backward, as training runs it."""

    def make(size_px: Size) -> Run:
        torch.manual_seed(0)
        image = torch.rand(1, 3, *size_px, requires_grad=True)
        counts = torch.tensor(rings_of(RADIUS_PX).counts).view(1, -1, 1, 1)
        weights = torch.rand(1, len(rings_of(RADIUS_PX)), *size_px)
        weights = (weights / (weights * counts).sum(1, keepdim=True)).requires_grad_()
        return lambda: form(image, weights, RADIUS_PX).square().mean().backward()

    return make


def _tiling(size_px: Size) -> Run:
    """Cutting and putting together, around a graph that gives back what it gets."""
    graph = TiledGraph(run=lambda x: {"sharp": x["image"]}, size_px=(TILE_PX, TILE_PX), halo_px=HALO_PX)
    planes = _picture(size_px).transpose(2, 0, 1)[None]
    return lambda: graph.anywhere({"image": planes})


def _optics(size_px: Size) -> Run:
    sigma = _sigma(size_px)
    return lambda: target_sigma_px(sigma, (0.5, 0.5), 1.4, 32.0)


def _smoothing(size_px: Size) -> Run:
    sigma, picture = _sigma(size_px), _picture(size_px)
    return lambda: smooth_defocus(sigma, picture, SIGMA_MAX_PX)


def _decoding(size_px: Size) -> Run:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(_picture(size_px) * 255.0).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    content = buffer.getvalue()
    return lambda: np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _resizing(size_px: Size) -> Run:
    picture = _picture(size_px)
    return lambda: resize(picture, size_px[0] // 2, size_px[1] // 2)


def _peak_matmul(size_px: Size) -> Run:
    """A large product of fp32 matrices: the fastest arithmetic that a processor is seen to do."""
    first, second = (torch.rand(PEAK_MATRIX, PEAK_MATRIX) for _ in range(2))
    return lambda: torch.mm(first, second)


def _peak_int8(size_px: Size) -> Run:
    """The same of int8 matrices, summed in int32."""
    first, second = (torch.randint(-127, 127, (PEAK_MATRIX, PEAK_MATRIX), dtype=torch.int8) for _ in range(2))
    return lambda: torch._int_mm(first, second)


def _peak_copy(size_px: Size) -> Run:
    """A large copy, which no cache holds."""
    source = torch.rand(PEAK_BYTES // 4)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


PEAKS: dict[str, tuple[str, Callable[[Size], Run]]] = {
    "peak-fp32": ("torch", _peak_matmul),
    "peak-int8": ("torch", _peak_int8),
    "peak-copy": ("torch", _peak_copy),
}
"""What no graph can exceed; on all threads. See ``benchmarks.scoring.roofline``."""
KERNELS: dict[str, tuple[str, Callable[[Size], Run]]] = {
    CALIBRATION: ("numpy", _calibration),
    "blur-preview-graph": ("torch", _module(MultiscaleBlur().eval(), with_sign=False)),
    "blur-refocus-graph": ("torch", _module(LayeredBlur().eval(), with_sign=True)),
    "isotropic-rings": ("torch", _isotropic(apply_isotropic)),
    "isotropic-naive": ("torch", _isotropic(naive)),
    "tiling": ("numpy", _tiling),
    "optics": ("numpy", _optics),
    "smoothing": ("numpy", _smoothing),
    "decode-jpeg": ("numpy", _decoding),
    "resize-half": ("numpy", _resizing),
}
"""Name -> back end, and what makes it ready for a size."""


def cases(size_px: Size, threads: int | None, names: tuple[str, ...] = tuple(KERNELS)) -> list[Case]:
    """A case for each kernel."""
    return [
        Case(
            kind="kernel",
            stage="kernel" if name in KERNELS and name != CALIBRATION else "calibration",
            id=name,
            backend=(KERNELS | PEAKS)[name][0],
            precision="int8" if name == "peak-int8" else "fp32",
            size_px=size_px,
            threads=threads,
        )
        for name in names
    ]


def open_case(case: Case) -> Opened:
    """Make the kernel ready.

    Raises:
        ReblurError: there is no such kernel.
    """
    known = KERNELS | PEAKS
    if case.id not in known:
        raise ReblurError(f"no kernel {case.id!r}: choose from {', '.join(known)}")
    torch.set_num_threads(cpu_threads(case.threads))
    return Opened(
        run=known[case.id][1](case.size_px),
        subject=Subject(kind="kernel", id=case.id, precision=case.precision, shape=case.size_px),
        engine=engine_of(case),
    )
