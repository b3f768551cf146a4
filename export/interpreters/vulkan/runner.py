"""A saved Vulkan file as a runner like any other: tensors by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.interpreters.vulkan.program import VkProgram
from runtime.backends.base import FloatArray, from_file, to_file
from runtime.manifest.records import Artifact


class VulkanInterpreter:
    """A .pte file for the Vulkan delegate, run by ``export.interpreters.vulkan``. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, arithmetic: str = "fp16") -> None:
        self.artifact = artifact
        self._arithmetic = arithmetic
        self._program = VkProgram.load(path)

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        results = self._program.run(to_file(self.artifact, inputs), self._arithmetic)
        return {t.name: from_file(t, value) for t, value in zip(self.artifact.outputs, results, strict=True)}


def open_graph(artifact: Artifact, path: Path, arithmetic: str = "fp16") -> VulkanInterpreter:
    """Load a .pte file for the Vulkan delegate.

    Args:
        artifact: what the file is.
        path: the file.
        arithmetic: "fp16": rounded as the file says, which in a fp32 file is not at all; or "fp32": not rounded.

    Raises:
        ReblurError: the file is refused; see ``VkProgram.load``.
    """
    return VulkanInterpreter(artifact, path, arithmetic)
