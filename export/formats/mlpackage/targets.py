"""Core ML as a target: see ``export.formats.support``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from export.analysis.coverage import predictions
from export.analysis.operators import SavedGraph
from export.formats.mlpackage.operators import mil_nodes
from export.formats.support import Runtime, TargetSupport, WriteRequest
from runtime.backends.base import GraphRunner
from runtime.backends.mlpackage import COMPUTE_UNITS
from runtime.manifest.records import Artifact

Open = Callable[[Artifact, Path, int | None], GraphRunner]
MAC = sys.platform == "darwin"
NEEDS_APPLE = "needs an Apple device"


def _write(request: WriteRequest, path: Path) -> None:
    """One package; where there are several sizes, one with a function for each."""
    from export.formats.mlpackage.multifunction import write_multifunction

    if not request.sizes:
        _write_single(request, request.example_inputs, path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        packages = {name: Path(scratch) / f"{name}{path.suffix}" for name in request.sizes}
        for name, example_inputs in request.sizes.items():
            _write_single(request, example_inputs, packages[name])
        write_multifunction(packages, path, default=next(iter(packages)))


def _write_single(request: WriteRequest, example_inputs: tuple[Tensor, ...], path: Path) -> None:
    from export.formats.mlpackage.write import write_mlpackage

    write_mlpackage(
        request.module,
        example_inputs,
        request.input_names,
        request.output_names,
        path,
        precision=request.precision,
        images=request.images,
        calibration=request.samples,
        float_first_convs=request.settings.float_first_convs[0],
        ranges=request.settings.ranges,
    )


def _read(path: Path, function: str | None) -> SavedGraph:
    return SavedGraph(path=path, operators=mil_nodes(path, function), units=("Neural Engine",))


def _interpreted(arithmetic: str) -> Open:
    def open_there(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
        from export.formats.mlpackage.interpreted import InterpretedPackage

        return InterpretedPackage(artifact, path, arithmetic)

    return open_there


def _core_ml(units: str) -> Open:
    def open_there(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
        from runtime.backends.mlpackage import open_graph

        return open_graph(artifact, path, None, compute_units=units)

    return open_there


CORE_ML = tuple(
    Runtime(name=f"Core ML {units}", packages=("coremltools",), open=_core_ml(units)) for units in COMPUTE_UNITS
)
SUPPORT = {
    "coreml": TargetSupport(
        write=_write,
        read=_read,
        coverage=predictions,
        runtimes=(
            Runtime(name="export.mil fp16", packages=(), open=_interpreted("fp16")),
            Runtime(name="export.mil fp32", packages=(), open=_interpreted("fp32")),
            *(CORE_ML if MAC else ()),
        ),
        not_run=(
            *(() if MAC else (f"Core ML itself on CPU, GPU and Neural Engine: {NEEDS_APPLE}",)),
            f"placement on the Neural Engine and latency on phones: {NEEDS_APPLE}",
        ),
    )
}
