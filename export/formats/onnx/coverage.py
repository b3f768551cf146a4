"""Whether onnxruntime takes an ONNX file; WebGPU by rule."""

from __future__ import annotations

from export.analysis.coverage import Coverage, describe, predictions
from export.analysis.operators import SavedGraph
from runtime.system.errors import ReblurError, first_line
from runtime.system.silence import silence

ONNX_CPU = "CPU (onnxruntime)"


def onnx_coverage(graph: SavedGraph) -> tuple[Coverage, ...]:
    """The CPU as onnxruntime uses it here, which runs a graph whole or not at all; WebGPU by rule.

    Raises:
        ReblurError: onnxruntime refuses the file.
    """
    with silence():
        import onnxruntime

        try:
            onnxruntime.InferenceSession(str(graph.path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an exception of its own for each of its status codes
            raise ReblurError(f"onnxruntime refuses {graph.path}: {first_line(error)}") from error
    nodes = graph.operators
    return (describe(ONNX_CPU, "measured", 1, nodes, [True] * len(nodes)), *predictions(graph))
