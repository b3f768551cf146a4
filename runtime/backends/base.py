"""What every back end offers, and the layout and type conversion they share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.manifest.records import Artifact, ArtifactTensor
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

MAX_DEFAULT_THREADS = 4


class GraphRunner(Protocol):
    """One artefact, loaded. For one thread at a time: interpreters keep tensors between calls."""

    @property
    def artifact(self) -> Artifact:
        """What is loaded."""

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once.

        Args:
            inputs: by tensor name; each (1, C, H, W) float32 of the artefact's fixed size.

        Returns:
            By tensor name; each (1, C, H, W) float32.

        Raises:
            ReblurError: a tensor is missing, unknown or of another shape.
        """


def cpu_threads(asked_for: int | None) -> int:
    """CPU threads to use: as many as asked for; without a wish all there are, up to ``MAX_DEFAULT_THREADS``."""
    return asked_for or min(MAX_DEFAULT_THREADS, os.cpu_count() or 1)


def to_file(artifact: Artifact, inputs: Mapping[str, FloatArray]) -> list[NDArray]:
    """NCHW float32 by name -> what the file takes, in its calling order.

    Raises:
        ReblurError: a tensor is missing, unknown or of another shape.
    """
    expected = [tensor.name for tensor in artifact.inputs]
    if sorted(inputs) != sorted(expected):
        raise ReblurError(f"{artifact.id} takes {', '.join(expected)}, got {', '.join(inputs) or 'nothing'}")
    return [_to_file(artifact.id, tensor, inputs[tensor.name]) for tensor in artifact.inputs]


def from_file(tensor: ArtifactTensor, value: NDArray) -> FloatArray:
    """What the file gave for one output -> (1, C, H, W) float32, perhaps a view of a channels-last array."""
    array = np.asarray(value).reshape(tensor.shape)
    if tensor.divisor != 1.0:
        array = array / np.float32(tensor.divisor)
    if tensor.layout == "NHWC":
        array = array.transpose(0, 3, 1, 2)
    return array.astype(np.float32, copy=False)


def _to_file(artifact_id: str, tensor: ArtifactTensor, value: FloatArray) -> NDArray:
    array = value.transpose(0, 2, 3, 1) if tensor.layout == "NHWC" else value
    if array.shape != tensor.shape:
        raise ReblurError(
            f"{artifact_id} takes {tensor.name} as {tensor.layout} {list(tensor.shape)}, got {list(array.shape)}"
        )
    if tensor.divisor != 1.0:
        array = np.rint(array * np.float32(tensor.divisor))
    return np.ascontiguousarray(array, dtype=tensor.dtype)
