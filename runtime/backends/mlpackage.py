"""Runs .mlpackage folders with Core ML, which exists on macOS only."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.backends.base import Array, from_file, to_file
from runtime.schema import Artifact


class MlpackageRunner:
    """One .mlpackage. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path) -> None:
        self.artifact = artifact
        coremltools = _coremltools()
        try:
            self._model = coremltools.models.MLModel(str(path))
        except (RuntimeError, ValueError, OSError) as error:
            raise ValueError(f"Core ML cannot load {path}: {str(error).splitlines()[0]}") from error

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        names = [tensor.name for tensor in self.artifact.inputs]
        results = self._model.predict(dict(zip(names, to_file(self.artifact, inputs), strict=True)))
        return {tensor.name: from_file(tensor, results[tensor.name]) for tensor in self.artifact.outputs}


def open_graph(artifact: Artifact, path: Path, num_threads: int | None) -> MlpackageRunner:
    """Load an .mlpackage.

    Raises:
        ValueError: this is not macOS, coremltools is not installed, or Core ML refuses the package.
    """
    if sys.platform != "darwin":
        raise ValueError(
            f"the coreml back end runs on macOS only, this is {sys.platform}: use tflite, executorch or onnx"
        )
    if num_threads is not None:
        warnings.warn("Core ML chooses its own number of threads", stacklevel=2)
    return MlpackageRunner(artifact, path)


def _coremltools() -> Any:
    try:
        import coremltools
    except ImportError as error:
        raise ValueError("the coreml back end needs coremltools: pip install 'reblur[export]'") from error
    return coremltools
