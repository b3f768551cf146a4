"""Runs an .mlpackage by ``export.interpreters.mil``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.interpreters.mil import MilProgram
from runtime.backends.base import from_file, to_file
from runtime.manifest.records import Artifact
from runtime.system.arrays import FloatArray


class InterpretedPackage:
    """One .mlpackage. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, arithmetic: str) -> None:
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
