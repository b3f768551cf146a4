"""What can run a saved file on this machine, target by target: the table behind every check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from export.recipes.targets import PRECISIONS, TARGETS, target_of
from export.verification.gates import FloatArray
from runtime.backends import OPENERS
from runtime.backends.base import GraphRunner, from_file, to_file
from runtime.backends.mlpackage import COMPUTE_UNITS
from runtime.manifest.records import Artifact

MAC = sys.platform == "darwin"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Something that runs a file."""

    name: str
    """As the manifest, the report and the matrix call it; without slash."""
    packages: tuple[str, ...]
    """Distributions whose versions matter; empty for our own interpreters."""
    open: Callable[[Artifact, Path], GraphRunner]
    """Loads the file; ValueError where it is refused."""
    is_slow: bool = False
    """Whether it is asked for one case only."""
    precisions: tuple[str, ...] = tuple(PRECISIONS)
    """Precisions of the files that it is for."""


class InterpretedPackage:
    """An .mlpackage run by ``export.interpreters.mil``. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, arithmetic: str) -> None:
        from export.interpreters.mil import MilProgram

        self.artifact = artifact
        self._arithmetic = arithmetic
        self._program = MilProgram.load(path, function=artifact.function or "main")

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        names = [tensor.name for tensor in self.artifact.inputs]
        values = dict(zip(names, to_file(self.artifact, inputs), strict=True))
        # As Core ML does: a picture's channels go in in the order that the package declares.
        blue_first = {spec.name for spec in self._program.inputs if spec.color_layout == "BGR"}
        values = {name: value[:, ::-1].copy() if name in blue_first else value for name, value in values.items()}
        results = self._program.run(values, self._arithmetic)
        return {tensor.name: from_file(tensor, results[tensor.name]) for tensor in self.artifact.outputs}


class LoweredPackage:
    """The Core ML package inside a .pte, run by ``export.interpreters.mil``. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, arithmetic: str) -> None:
        from export.interpreters.mil.from_pte import load_lowered

        self.artifact = artifact
        self._arithmetic = arithmetic
        self._program = load_lowered(path)

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        results = self._program.run(to_file(self.artifact, inputs), self._arithmetic)
        return {t.name: from_file(t, value) for t, value in zip(self.artifact.outputs, results, strict=True)}


def _backend(format_: str) -> Callable[[Artifact, Path], GraphRunner]:
    return lambda artifact, path: OPENERS[format_](artifact, path, None)


def _half_arithmetic(artifact: Artifact, path: Path) -> GraphRunner:
    from export.verification.litert_fp16 import open_graph

    return open_graph(artifact, path)


def _reference_kernels(artifact: Artifact, path: Path) -> GraphRunner:
    from runtime.backends.tflite import open_graph

    return open_graph(artifact, path, None, kernels="reference")


def _on_units(units: str) -> Callable[[Artifact, Path], GraphRunner]:
    def open_there(artifact: Artifact, path: Path) -> GraphRunner:
        from runtime.backends.mlpackage import open_graph

        return open_graph(artifact, path, None, compute_units=units)

    return open_there


def _vulkan(artifact: Artifact, path: Path, arithmetic: str) -> GraphRunner:
    from export.interpreters.vulkan import open_graph

    return open_graph(artifact, path, arithmetic)


CORE_ML = tuple(
    Runtime(name=f"Core ML {units}", packages=("coremltools",), open=_on_units(units)) for units in COMPUTE_UNITS
)
RUNTIMES: dict[str, tuple[Runtime, ...]] = {
    "coreml": (
        Runtime(name="export.interpreters.mil fp16", packages=(), open=lambda a, p: InterpretedPackage(a, p, "fp16")),
        Runtime(name="export.interpreters.mil fp32", packages=(), open=lambda a, p: InterpretedPackage(a, p, "fp32")),
        *(CORE_ML if MAC else ()),
    ),
    "tflite": (
        Runtime(name="LiteRT XNNPACK", packages=("ai-edge-litert",), open=_backend("tflite")),
        Runtime(name="LiteRT XNNPACK fp16", packages=("ai-edge-litert",), open=_half_arithmetic, precisions=("fp16",)),
        Runtime(name="LiteRT reference kernels", packages=("ai-edge-litert",), open=_reference_kernels, is_slow=True),
    ),
    "executorch": (Runtime(name="ExecuTorch XNNPACK", packages=("executorch",), open=_backend("executorch")),),
    "executorch-coreml": (
        Runtime(name="export.interpreters.mil fp16", packages=(), open=lambda a, p: LoweredPackage(a, p, "fp16")),
        Runtime(name="export.interpreters.mil fp32", packages=(), open=lambda a, p: LoweredPackage(a, p, "fp32")),
    ),
    "executorch-vulkan": (
        Runtime(name="export.interpreters.vulkan fp16", packages=(), open=lambda a, p: _vulkan(a, p, "fp16")),
        Runtime(name="export.interpreters.vulkan fp32", packages=(), open=lambda a, p: _vulkan(a, p, "fp32")),
    ),
    "onnx": (Runtime(name="onnxruntime", packages=("onnxruntime",), open=_backend("onnx")),),
}
"""Target -> what runs its files here; the first one is the one that a pipeline is checked with."""

NEEDS_APPLE = "needs an Apple device"
NOT_RUN: dict[str, tuple[str, ...]] = {
    "coreml": (
        *(() if MAC else (f"Core ML itself on CPU, GPU and Neural Engine: {NEEDS_APPLE}",)),
        f"placement on the Neural Engine and latency on phones: {NEEDS_APPLE}",
    ),
    "tflite": ("GPU delegate, NNAPI and latency on phones: need an Android device",),
    "executorch": ("latency on phones: needs one",),
    "executorch-coreml": (f"ExecuTorch's Core ML runtime: {NEEDS_APPLE}",),
    "executorch-vulkan": ("ExecuTorch's Vulkan runtime: needs a phone, for it is not in the Python package",),
    "onnx": (),
}
"""Target -> what nothing here can show, and why."""


def runtimes_of(artifact: Artifact) -> tuple[Runtime, ...]:
    """What runs this file here."""
    return tuple(r for r in RUNTIMES[target_of(artifact)] if artifact.precision in r.precisions)


assert set(RUNTIMES) == set(TARGETS) == set(NOT_RUN)
