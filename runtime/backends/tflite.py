"""Runs .tflite files with LiteRT (ai-edge-litert), or with its predecessor tflite-runtime."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from runtime.backends.base import Array, cpu_threads, from_file, to_file
from runtime.schema import Artifact, ArtifactTensor
from runtime.silence import silence

INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""Where to look for the interpreter, in this order."""


class TfliteRunner:
    """One .tflite file. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, num_threads: int | None) -> None:
        self.artifact = artifact
        try:
            interpreter = _interpreter_class()(model_path=str(path), num_threads=cpu_threads(num_threads))
            interpreter.allocate_tensors()
            self._call = interpreter.get_signature_runner()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"the TFLite interpreter cannot load {path}: {_first_line(error)}") from error
        self._input_keys = keys_in_order(list(self._call.get_input_details()), artifact.inputs, artifact.id)
        self._output_keys = keys_in_order(list(self._call.get_output_details()), artifact.outputs, artifact.id)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        values = dict(zip(self._input_keys, to_file(self.artifact, inputs), strict=True))
        results = self._call(**values)
        pairs = zip(self.artifact.outputs, self._output_keys, strict=True)
        return {tensor.name: from_file(tensor, results[key]) for tensor, key in pairs}


def open_graph(artifact: Artifact, path: Path, num_threads: int | None) -> TfliteRunner:
    """Load a .tflite file.

    Raises:
        ValueError: no interpreter is installed, or it refuses the file.
    """
    with silence():
        return TfliteRunner(artifact, path, num_threads)


def keys_in_order(keys: Collection[str], tensors: tuple[ArtifactTensor, ...], artifact_id: str) -> list[str]:
    """Signature keys in the order of the manifest's tensors.

    The keys are either the tensors' names or, as converters number them, args_0, args_1 and output_0,
    output_1. The interpreter lists them in an order of its own, so the numbers decide.

    Raises:
        ValueError: the file has more or fewer tensors than the manifest says.
    """
    names = [tensor.name for tensor in tensors]
    if len(keys) != len(names):
        raise ValueError(f"{artifact_id} should have the tensors {', '.join(names)}, its file has {', '.join(keys)}")
    if set(keys) == set(names):
        return names
    return sorted(keys, key=lambda key: int((re.findall(r"\d+$", key) or ["0"])[0]))


def _interpreter_class() -> Any:
    for name in INTERPRETERS:
        try:
            return import_module(name).Interpreter
        except ImportError:
            continue
    raise ValueError("the tflite back end needs ai-edge-litert: pip install 'reblur[runtime]'")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
