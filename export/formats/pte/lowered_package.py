"""Runs the Core ML package inside a .pte file, by ``export.interpreters.mil``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.interpreters.mil.from_pte import load_lowered
from runtime.backends.base import from_file, to_file
from runtime.manifest.records import Artifact
from runtime.system.arrays import FloatArray


class LoweredPackage:
    """One .pte file for the Core ML delegate. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, arithmetic: str) -> None:
        self.artifact = artifact
        self._arithmetic = arithmetic
        self._program = load_lowered(path)

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        results = self._program.run(to_file(self.artifact, inputs), self._arithmetic)
        return {t.name: from_file(t, value) for t, value in zip(self.artifact.outputs, results, strict=True)}
