"""Networks as code: ours and published ones, in torch, compiled, and exported by our own writers at any size.

A case's id is ``<network>-<way>-fp32``: "nafnet-32-onnx-fp32", "deblur-eager-fp32".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import engine_of
from export.formats.onnx.write import write_onnx
from export.formats.tflite.write import write_tflite
from export.graphs.specs import build_graphs
from runtime.backends import OPENERS
from runtime.backends.base import cpu_threads
from runtime.manifest.records import Artifact, ArtifactTensor, Format
from runtime.system.errors import ReblurError, first_line
from runtime.system.files import sha256_of
from train.checkpoint import load_deployable
from train.networks.build import build_deblur, build_defocus
from train.presets import preset
from train.weights import SHIPPED

FOLDER = Path(".benchmarks/networks")
"""Where what was exported is kept from run to run; of random weights, so it never changes."""
UNTRAINED = 0.02
"""Standard deviation of what stands for trained numbers."""


@dataclass(frozen=True, kw_only=True)
class PublishedFigures:
    """What a paper says of its network on DPDD's test pictures: read there, not measured here."""

    psnr_db: float
    ssim: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network."""

    title: str
    build: Callable[[], nn.Module]
    """In eval mode; (1, C, H, W) tensors in and out."""
    inputs: tuple[tuple[str, int], ...] = (("image", 3),)
    """Name and channels."""
    outputs: tuple[tuple[str, int], ...] = (("sharp", 3),)
    published: PublishedFigures | None = None
    is_ours: bool = False


class _Chain(nn.Module):
    """The paper's pair: seeds of blur kernels, and the U-Net that deblurs by them."""

    def __init__(self) -> None:
        super().__init__()
        networks = preset("paper_unet").networks
        self.defocus, self.deblur = build_defocus(networks), build_deblur(networks)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        return self.deblur(image, self.defocus(image))


def _ours(graph: str) -> Callable[[], nn.Module]:
    return lambda: build_graphs(load_deployable(SHIPPED))[graph].module


def _nafnet() -> nn.Module:
    from benchmarks.networks.nafnet import Nafnet

    return Nafnet().eval()


def _nrknet() -> nn.Module:
    from benchmarks.networks.nrknet import Nrknet

    return Nrknet().eval()


IMAGE, SIGMA = ("image", 3), ("sigma_px", 1)
NETWORKS: dict[str, Network] = {
    "deblur": Network(title="Reblur's deblurrer", build=_ours("deblur"), inputs=(IMAGE, SIGMA), is_ours=True),
    "defocus": Network(title="Reblur's estimator", build=_ours("defocus"), outputs=(SIGMA,), is_ours=True),
    "nafnet-32": Network(title="NAFNet, width 32", build=_nafnet),
    "nrknet": Network(
        title="NRKNet",
        build=_nrknet,
        published=PublishedFigures(psnr_db=26.109, ssim=0.810, source="Quan et al., CVPR 2023"),
    ),
    "paper-unet": Network(title="the paper's seeds and U-Net", build=lambda: _Chain().eval()),
}
PUBLISHED = tuple(name for name, network in NETWORKS.items() if not network.is_ours)
WAYS: dict[str, str] = {"eager": "torch", "compile": "torch", "onnx": "onnx", "tflite": "tflite"}
"""How it is run -> the back end."""
SUFFIXES: dict[str, Format] = {"onnx": "onnx", "tflite": "tflite"}


def cases(
    names: Sequence[str], ways: Sequence[str], size_px: tuple[int, int], threads: int | None, folder: Path = FOLDER
) -> list[Case]:
    """A case for each network and way."""
    return [
        Case(
            kind="network",
            stage=name if name in ("deblur", "defocus") else "deblur",
            id=f"{name}-{way}-fp32",
            backend=WAYS[way],
            precision="fp32",
            size_px=size_px,
            threads=threads,
            source=str(folder),
        )
        for name in names
        for way in ways
    ]


def named(case_id: str) -> tuple[str, str]:
    """Network and way of a case.

    Raises:
        ReblurError: there is no such network or way.
    """
    name, _, way = case_id.removesuffix("-fp32").rpartition("-")
    if name not in NETWORKS or way not in WAYS:
        raise ReblurError(f"no network {case_id!r}: expected one of {', '.join(NETWORKS)}, as {', '.join(WAYS)}")
    return name, way


def built(name: str) -> nn.Module:
    """The network, the same each time, without gradients.

    What an untrained network has at zero (the scale of a residual branch, a head) is given a value as training would: a
    converter leaves out what is multiplied by zero.
    """
    torch.manual_seed(0)
    network = NETWORKS[name].build().eval().requires_grad_(False)
    if not NETWORKS[name].is_ours:
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0.0, UNTRAINED)
    return network


def example(name: str, size_px: tuple[int, int]) -> tuple[Tensor, ...]:
    """Inputs in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(1, channels, *size_px, generator=generator) for _, channels in NETWORKS[name].inputs)


def parameters(network: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in network.parameters())


def open_case(case: Case) -> Opened:
    """Build or load the network.

    Raises:
        ReblurError: it cannot be exported or compiled here.
    """
    name, way = named(case.id)
    if way in SUFFIXES:
        return _exported(case, name, SUFFIXES[way])
    torch.set_num_threads(cpu_threads(case.threads))
    inputs = example(name, case.size_px)
    module: Callable[..., Any] = built(name)
    if way == "compile":
        module = _compiled(built(name), inputs)

    @torch.inference_mode()
    def run() -> object:
        return module(*inputs)

    subject = Subject(kind="network", id=case.id, precision="fp32", shape=case.size_px)
    return Opened(run=run, subject=subject, engine=engine_of(case))


def _compiled(module: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[..., Any]:
    try:
        compiled: Callable[..., Any] = torch.compile(module)
        with torch.inference_mode():
            compiled(*inputs)
    except Exception as error:  # its own exceptions have no common base but this
        raise ReblurError(f"torch.compile cannot compile it here: {first_line(error)}") from error
    return compiled


def export_network(name: str, format_: Format, size_px: tuple[int, int], folder: Path) -> Path:
    """Write a network as a file by our own export path, once.

    Raises:
        ReblurError: the converter refuses it.
    """
    path = folder / f"{name}_{size_px[0]}x{size_px[1]}.{format_}"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    network, write = NETWORKS[name], write_onnx if format_ == "onnx" else write_tflite
    names = tuple(n for n, _ in network.inputs), tuple(n for n, _ in network.outputs)
    try:
        write(built(name), example(name, size_px), *names, path)
    except ReblurError:
        raise
    except Exception as error:  # the converters' own exceptions have no common base but this
        raise ReblurError(f"our {format_} writer does not take {name}: {first_line(error)}") from error
    return path


def _exported(case: Case, name: str, format_: Format) -> Opened:
    path = export_network(name, format_, case.size_px, Path(case.source))
    artifact = artifact_of(name, format_, case.size_px, path)
    started = time.perf_counter()
    runner = OPENERS[format_](artifact, path, case.threads)
    taken = time.perf_counter() - started
    names = [n for n, _ in NETWORKS[name].inputs]
    inputs = {n: x.numpy() for n, x in zip(names, example(name, case.size_px), strict=True)}
    subject = Subject(
        kind="network",
        id=case.id,
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        precision="fp32",
        shape=case.size_px,
    )
    return Opened(run=lambda: runner.run(inputs), subject=subject, engine=engine_of(case), load_ms=1000.0 * taken)


def artifact_of(name: str, format_: Format, size_px: tuple[int, int], path: Path) -> Artifact:
    """What a file of an export would be called, so that the runtime opens it."""

    def tensors(described: tuple[tuple[str, int], ...]) -> tuple[ArtifactTensor, ...]:
        return tuple(
            ArtifactTensor(
                name=tensor,
                dtype="float32",
                layout="NHWC" if format_ == "tflite" else "NCHW",
                shape=(1, *size_px, channels) if format_ == "tflite" else (1, channels, *size_px),
            )
            for tensor, channels in described
        )

    network = NETWORKS[name]
    return Artifact(
        id=f"{name}-{format_}-fp32",
        graph=name,
        format=format_,
        precision="fp32",
        path=path.name,
        files=(),
        inputs=tensors(network.inputs),
        outputs=tensors(network.outputs),
        tool={},
        status="passed",
        reason="",
    )
