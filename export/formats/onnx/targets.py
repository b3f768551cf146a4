"""ONNX as a target: see ``export.formats.support``."""

from __future__ import annotations

from pathlib import Path

from export.analysis.operators import SavedGraph
from export.formats.onnx.coverage import onnx_coverage
from export.formats.onnx.operators import onnx_nodes
from export.formats.support import Runtime, TargetSupport, WriteRequest
from runtime.backends import OPENERS


def _write(request: WriteRequest, path: Path) -> None:
    from export.formats.onnx.write import write_onnx

    write_onnx(
        request.module,
        request.example_inputs,
        request.input_names,
        request.output_names,
        path,
        precision=request.precision,
        calibration=request.samples,
        settings=request.settings,
        conversions=request.conversions,
    )


def _read(path: Path, function: str | None) -> SavedGraph:
    return SavedGraph(path=path, operators=onnx_nodes(path), units=("WebGPU",))


SUPPORT = {
    "onnx": TargetSupport(
        write=_write,
        read=_read,
        coverage=onnx_coverage,
        runtimes=(Runtime(name="onnxruntime", packages=("onnxruntime",), open=OPENERS["onnx"]),),
        int8_ranges=("min-max", "moving-average", "percentile-99.99", "percentile-99.9", "entropy"),
    )
}
