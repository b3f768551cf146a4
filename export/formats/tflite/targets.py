"""TFLite as a target: see ``export.formats.support``."""

from __future__ import annotations

from pathlib import Path

from export.analysis.operators import SavedGraph
from export.formats.support import Runtime, TargetSupport, WriteRequest
from export.formats.tflite.coverage import tflite_coverage
from export.formats.tflite.operators import tflite_nodes
from runtime.backends import OPENERS
from runtime.backends.base import GraphRunner
from runtime.manifest.records import Artifact


def _write(request: WriteRequest, path: Path) -> None:
    from export.formats.tflite.write import write_tflite

    write_tflite(
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
    return SavedGraph(path=path, operators=tflite_nodes(path), units=("GPU delegate", "NNAPI"))


def _half_arithmetic(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
    from export.formats.tflite.litert_fp16 import open_graph

    return open_graph(artifact, path)


def _reference_kernels(artifact: Artifact, path: Path, threads: int | None) -> GraphRunner:
    from runtime.backends.tflite import open_graph

    return open_graph(artifact, path, threads, kernels="reference")


LITERT = ("ai-edge-litert",)
SUPPORT = {
    "tflite": TargetSupport(
        write=_write,
        read=_read,
        coverage=tflite_coverage,
        runtimes=(
            Runtime(name="LiteRT XNNPACK", packages=LITERT, open=OPENERS["tflite"]),
            Runtime(name="LiteRT XNNPACK fp16", packages=LITERT, open=_half_arithmetic, precisions=("fp16",)),
            Runtime(name="LiteRT reference kernels", packages=LITERT, open=_reference_kernels, is_slow=True),
        ),
        not_run=("GPU delegate, NNAPI and latency on phones: need an Android device",),
        # ai-edge-quantizer has no percentiles of its own: ``quantize`` finds them.
        int8_ranges=("min-max", "moving-average", "percentile-99.99", "percentile-99.9"),
    )
}
