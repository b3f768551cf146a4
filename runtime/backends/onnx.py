"""Runs .onnx files with onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.backends.base import FloatArray, cpu_threads, from_file, to_file
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError, first_line

ERRORS_ONLY = 3


class OnnxRunner:
    """One .onnx file. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, num_threads: int | None) -> None:
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cpu_threads(num_threads)
        options.log_severity_level = ERRORS_ONLY
        self.artifact = artifact
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exceptions have no common base but this
            raise ReblurError(f"onnxruntime cannot load {path}: {first_line(error)}") from error
        self._inputs = [tensor.name for tensor in artifact.inputs]
        self._outputs = [tensor.name for tensor in artifact.outputs]
        for expected, found in (
            (self._inputs, [tensor.name for tensor in self._session.get_inputs()]),
            (self._outputs, [tensor.name for tensor in self._session.get_outputs()]),
        ):
            if sorted(found) != sorted(expected):
                raise ReblurError(
                    f"{artifact.id} should have the tensors {', '.join(expected)}, its file has {', '.join(found)}"
                )

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        values = dict(zip(self._inputs, to_file(self.artifact, inputs), strict=True))
        results = self._session.run(self._outputs, values)
        pairs = zip(self.artifact.outputs, results, strict=True)
        return {tensor.name: from_file(tensor, result) for tensor, result in pairs}


def open_graph(artifact: Artifact, path: Path, num_threads: int | None) -> OnnxRunner:
    """Load an .onnx file.

    Raises:
        ReblurError: onnxruntime is not installed, or it refuses the file.
    """
    return OnnxRunner(artifact, path, num_threads)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ReblurError("the onnx back end needs onnxruntime: pip install 'reblur[runtime-onnx]'") from error
    return onnxruntime
