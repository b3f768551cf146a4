"""Runs .mlpackage folders with Core ML, which exists on macOS only."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from runtime.backends.base import FloatArray, from_file, to_file
from runtime.manifest.records import Artifact, ArtifactTensor
from runtime.system.errors import ReblurError, first_line

COMPUTE_UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE")
"""Processors that Core ML can be held to; a unit that cannot run an operator leaves it to the CPU."""
ANY_UNIT = "ALL"
"""The choice is Core ML's."""


class MlpackageRunner:
    """One .mlpackage. See ``GraphRunner``.

    Args:
        artifact: what the package is; where it has several functions, ``artifact.function`` is run.
        path: the package folder.
        compute_units: one of ``COMPUTE_UNITS``, or ``ANY_UNIT``.

    Raises:
        ReblurError: the units are unknown, coremltools is not installed, or Core ML refuses the package.
    """

    def __init__(self, artifact: Artifact, path: Path, compute_units: str = ANY_UNIT) -> None:
        known = (*COMPUTE_UNITS, ANY_UNIT)
        if compute_units not in known:
            raise ReblurError(f"compute units '{compute_units}' are not known; known are {', '.join(known)}")
        self.artifact = artifact
        coremltools = _coremltools()
        # Without a function a package of one is meant, and older coremltools do not know the argument.
        function = {"function_name": artifact.function} if artifact.function else {}
        try:
            self._model = coremltools.models.MLModel(
                str(path), compute_units=coremltools.ComputeUnit[compute_units], **function
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ReblurError(f"Core ML cannot load {path}: {first_line(error)}") from error

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        pairs = zip(self.artifact.inputs, to_file(self.artifact, inputs), strict=True)
        results = self._model.predict({tensor.name: _given(tensor, value) for tensor, value in pairs})
        return {tensor.name: from_file(tensor, results[tensor.name]) for tensor in self.artifact.outputs}


def open_graph(
    artifact: Artifact, path: Path, num_threads: int | None, compute_units: str = ANY_UNIT
) -> MlpackageRunner:
    """Load an .mlpackage.

    Args:
        artifact: what the package is.
        path: the package folder.
        num_threads: has no effect; Core ML chooses its own number.
        compute_units: one of ``COMPUTE_UNITS``, or ``ANY_UNIT``.

    Raises:
        ReblurError: this is not macOS, the units are unknown, coremltools is not installed, or Core ML refuses the
            package.
    """
    if sys.platform != "darwin":
        raise ReblurError(
            f"the coreml back end runs on macOS only, this is {sys.platform}: use tflite, executorch or onnx"
        )
    if num_threads is not None:
        warnings.warn("Core ML chooses its own number of threads", stacklevel=2)
    return MlpackageRunner(artifact, path, compute_units)


def _given(tensor: ArtifactTensor, value: NDArray) -> Any:
    """What ``MLModel.predict`` takes for one input: a PIL image for a picture, (1, 3, H, W) uint8, else the array."""
    return Image.fromarray(value[0].transpose(1, 2, 0)) if tensor.kind == "image" else value


def _coremltools() -> Any:
    try:
        import coremltools
    except ImportError as error:
        raise ReblurError("the coreml back end needs coremltools: pip install 'reblur[export]'") from error
    return coremltools
