"""ExecuTorch's delegates as targets: see ``export.formats.support``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from export.analysis.operators import SavedGraph
from export.formats.pte.coverage import pte_coverage
from export.formats.pte.operators import pte_nodes
from export.formats.support import Runtime, TargetSupport, WriteRequest
from runtime.backends import OPENERS
from runtime.backends.base import GraphRunner
from runtime.manifest.records import Artifact

Open = Callable[[Artifact, Path, int | None], GraphRunner]


def _write_xnnpack(request: WriteRequest, path: Path) -> None:
    from export.formats.pte.xnnpack import write_pte

    write_pte(
        request.module,
        request.example_inputs,
        path,
        precision=request.precision,
        calibration=request.samples,
        settings=request.settings,
    )


def _write_coreml(request: WriteRequest, path: Path) -> None:
    from export.formats.pte.coreml import write_coreml_pte

    write_coreml_pte(request.module, request.example_inputs, path)


def _write_vulkan(request: WriteRequest, path: Path) -> None:
    from export.formats.pte.vulkan import write_vulkan_pte

    write_vulkan_pte(request.module, request.example_inputs, path, precision=request.precision)


def _read(path: Path, function: str | None) -> SavedGraph:
    return pte_nodes(path)


def _lowered_package(arithmetic: str) -> Open:
    def open_there(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
        from export.formats.pte.lowered_package import LoweredPackage

        return LoweredPackage(artifact, path, arithmetic)

    return open_there


def _vulkan(arithmetic: str) -> Open:
    def open_there(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
        from export.interpreters.vulkan import open_graph

        return open_graph(artifact, path, arithmetic)

    return open_there


SUPPORT = {
    "executorch": TargetSupport(
        write=_write_xnnpack,
        read=_read,
        coverage=pte_coverage,
        runtimes=(Runtime(name="ExecuTorch XNNPACK", packages=("executorch",), open=OPENERS["executorch"]),),
        not_run=("latency on phones: needs one",),
        int8_ranges=("min-max", "moving-average", "percentile-99.99", "percentile-99.9", "mse"),
    ),
    "executorch-coreml": TargetSupport(
        write=_write_coreml,
        read=_read,
        coverage=pte_coverage,
        runtimes=(
            Runtime(name="export.mil fp16", packages=(), open=_lowered_package("fp16")),
            Runtime(name="export.mil fp32", packages=(), open=_lowered_package("fp32")),
        ),
        not_run=("ExecuTorch's Core ML runtime: needs an Apple device",),
    ),
    "executorch-vulkan": TargetSupport(
        write=_write_vulkan,
        read=_read,
        coverage=pte_coverage,
        runtimes=(
            Runtime(name="export.vk fp16", packages=(), open=_vulkan("fp16")),
            Runtime(name="export.vk fp32", packages=(), open=_vulkan("fp32")),
        ),
        not_run=("ExecuTorch's Vulkan runtime: needs a phone, for it is not in the Python package",),
    ),
}
