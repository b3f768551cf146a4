"""Runs .tflite files with LiteRT (ai-edge-litert), its predecessor tflite-runtime, or TensorFlow's interpreter.

The first of them that is installed is used; the environment variable REBLUR_TFLITE names another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runtime.backends.base import FloatArray, cpu_threads, from_file, to_file
from runtime.manifest.records import Artifact, ArtifactTensor
from runtime.system.errors import ReblurError, first_line
from runtime.system.silence import silence

INTERPRETERS: dict[str, str] = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
"""Distribution -> module of its interpreter, in the order in which they are looked for."""
CHOICE = "REBLUR_TFLITE"
"""Environment variable that names one of ``INTERPRETERS``."""
KERNELS: dict[str, str] = {
    "xnnpack": "AUTO",
    "optimised": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "reference": "BUILTIN_REF",
}
"""What computes -> the interpreter's name for it: the XNNPACK delegate as on a phone's CPU, TFLite's own optimised
kernels, or its plain ones, which are the definition of each operator and many times slower."""


class TfliteRunner:
    """One .tflite file. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path, num_threads: int | None, kernels: str = "xnnpack") -> None:
        if kernels not in KERNELS:
            raise ReblurError(f"no TFLite kernels {kernels!r}: choose from {', '.join(KERNELS)}")
        self.artifact = artifact
        module = _interpreter_module()
        resolver = module.OpResolverType[KERNELS[kernels]]
        try:
            interpreter = module.Interpreter(
                model_path=str(path), num_threads=cpu_threads(num_threads), experimental_op_resolver_type=resolver
            )
            interpreter.allocate_tensors()
            self._call = interpreter.get_signature_runner()
        except (RuntimeError, ValueError) as error:
            raise ReblurError(f"the TFLite interpreter cannot load {path}: {first_line(error)}") from error
        self._input_keys = keys_in_order(list(self._call.get_input_details()), artifact.inputs, artifact.id)
        self._output_keys = keys_in_order(list(self._call.get_output_details()), artifact.outputs, artifact.id)

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        values = dict(zip(self._input_keys, to_file(self.artifact, inputs), strict=True))
        results = self._call(**values)
        pairs = zip(self.artifact.outputs, self._output_keys, strict=True)
        return {tensor.name: from_file(tensor, results[key]) for tensor, key in pairs}


def open_graph(artifact: Artifact, path: Path, num_threads: int | None, kernels: str = "xnnpack") -> TfliteRunner:
    """Load a .tflite file.

    Args:
        artifact: what the file is.
        path: the file.
        num_threads: CPU threads; None leaves the choice to the back end.
        kernels: one of ``KERNELS``.

    Raises:
        ReblurError: no interpreter is installed, it refuses the file, or there are no such kernels.
    """
    with silence():
        return TfliteRunner(artifact, path, num_threads, kernels)


def interpreter_name() -> str:
    """The interpreter that is used, with its version, for example "ai-edge-litert 2.3.0".

    Raises:
        ReblurError: none is installed, or not the one that is asked for.
    """
    with silence():
        used = _interpreter_module().__name__
    name = next(name for name, module in INTERPRETERS.items() if module == used)
    for distribution in (name, f"{name}-cpu"):  # TensorFlow comes under two names.
        try:
            return f"{name} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return name


def keys_in_order(keys: Collection[str], tensors: tuple[ArtifactTensor, ...], artifact_id: str) -> list[str]:
    """Signature keys in the order of the manifest's tensors.

    The keys are either the tensors' names or, as converters number them, args_0, args_1 and output_0,
    output_1. The interpreter lists them in an order of its own, so the numbers decide.

    Raises:
        ReblurError: the file has more or fewer tensors than the manifest says.
    """
    names = [tensor.name for tensor in tensors]
    if len(keys) != len(names):
        raise ReblurError(f"{artifact_id} should have the tensors {', '.join(names)}, its file has {', '.join(keys)}")
    if set(keys) == set(names):
        return names
    return sorted(keys, key=lambda key: int((re.findall(r"\d+$", key) or ["0"])[0]))


def _interpreter_module() -> Any:
    """The first interpreter that is installed, or the one that the environment asks for.

    Raises:
        ReblurError: there is none, or none of that name.
    """
    wanted = os.environ.get(CHOICE)
    if wanted and wanted not in INTERPRETERS:
        raise ReblurError(f"{CHOICE} is {wanted!r}: choose from {', '.join(INTERPRETERS)}")
    for name, module in INTERPRETERS.items():
        if wanted in (None, "", name):
            try:
                return import_module(module)
            except ImportError:
                continue
    if wanted:
        raise ReblurError(f"{CHOICE} asks for {wanted}, which is not installed: pip install {wanted}")
    raise ReblurError("the tflite back end needs ai-edge-litert: pip install 'reblur[runtime]'")
