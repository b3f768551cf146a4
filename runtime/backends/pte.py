"""Runs .pte files with ExecuTorch's Python runtime, which takes and gives torch tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.backends.base import FloatArray, from_file, to_file
from runtime.manifest.records import EXECUTORCH_METHOD, Artifact
from runtime.system.errors import ReblurError, first_line
from runtime.system.silence import silence


class PteRunner:
    """One .pte file. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path) -> None:
        self.artifact = artifact
        try:
            # The method borrows from the program, so both are kept.
            self._program = _runtime().load_program(path)
            self._method = self._program.load_method(EXECUTORCH_METHOD)
        except RuntimeError as error:
            raise ReblurError(f"ExecuTorch cannot load {path}: {first_line(error)}") from error
        if self._method is None:
            raise ReblurError(f"ExecuTorch finds no method {EXECUTORCH_METHOD!r} in {path}")

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        import torch

        values = [torch.from_numpy(value) for value in to_file(self.artifact, inputs)]
        results = self._method.execute(values)
        pairs = zip(self.artifact.outputs, results, strict=True)
        return {tensor.name: from_file(tensor, result.numpy().copy()) for tensor, result in pairs}


def open_graph(artifact: Artifact, path: Path, num_threads: int | None) -> PteRunner:
    """Load a .pte file.

    Args:
        artifact: what the file is.
        path: the file.
        num_threads: CPU threads, of all .pte files in this process: they share a pool. None leaves it as it is.

    Raises:
        ReblurError: ExecuTorch is not installed, or it refuses the file.
    """
    with silence():
        if num_threads is not None:
            _set_threads(num_threads)
        return PteRunner(artifact, path)


def _set_threads(count: int) -> None:
    """Give the pool that all programs share so many threads; safe while none is running."""
    _runtime()
    from executorch.extension.pybindings import _portable_lib

    _portable_lib._unsafe_reset_threadpool(count)


def _runtime() -> Any:
    try:
        from executorch.runtime import Runtime
    except ImportError as error:
        raise ReblurError("the executorch back end needs executorch: pip install 'reblur[export]'") from error
    return Runtime.get()
