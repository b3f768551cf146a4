"""Takes the Core ML package back out of an ExecuTorch file for the Core ML delegate, and runs it.

    lowered = load_lowered(Path("deblur_fp16.pte"))
    (sharp,) = lowered.run([image, sigma_px])

ExecuTorch has no Core ML runtime but on Apple's systems. What the delegate would be handed there is in the file: a
whole package, which the interpreter runs like any other. Everything here is checked but Core ML itself.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.interpreters.mil.archive import unpack
from export.interpreters.mil.program import MilProgram
from export.interpreters.pte_program import read_single_call
from runtime.system.errors import ReblurError

BACKEND = "CoreMLBackend"
LOWERED_MODULE = "lowered_module"
"""Folder inside the delegate's data that holds the package and what names its tensors."""

PACKAGE = "model.mlpackage"
"""Folder of the package inside it."""


@dataclass(frozen=True, kw_only=True)
class LoweredProgram:
    """The one Core ML program of an ExecuTorch file."""

    program: MilProgram
    input_names: tuple[str, ...]
    """The package's inputs in the file's calling order."""
    output_names: tuple[str, ...]
    """The package's outputs in the order in which the file gives them."""

    def run(self, inputs: Sequence[np.ndarray], precision: str = "fp16") -> list[np.ndarray]:
        """The file's outputs, in order, for its inputs, in order; see ``MilProgram.run``.

        Raises:
            ReblurError: the number of inputs or a shape does not fit, or values leave the finite range.
        """
        if len(inputs) != len(self.input_names):
            raise ReblurError(f"the file takes {len(self.input_names)} inputs, but {len(inputs)} were given")
        results = self.program.run(dict(zip(self.input_names, inputs, strict=True)), precision)
        return [results[name] for name in self.output_names]


def load_lowered(path: Path) -> LoweredProgram:
    """Take the package out of the ``.pte`` file at ``path`` and load it.

    Raises:
        ReblurError: the file is no ExecuTorch program, is not one call of the Core ML delegate from its inputs to
            its outputs, or its package is damaged.
    """
    call = read_single_call(path, BACKEND)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(call.data, folder, path)
        lowered = folder / LOWERED_MODULE
        if not lowered.is_dir():
            raise ReblurError(f"the Core ML data in {path} is damaged: it holds no {LOWERED_MODULE}")
        try:
            names = json.loads((lowered / "metadata.json").read_text(encoding="utf-8"))
            inputs, outputs = tuple(names["inputNames"]), tuple(names["outputNames"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReblurError(f"the Core ML data in {path} does not name its inputs and outputs: {error!r}") from error
        program = MilProgram.load(lowered / PACKAGE)
    declared = ({spec.name for spec in program.inputs}, {spec.name for spec in program.outputs})
    if (set(inputs), set(outputs)) != declared:
        raise ReblurError(f"the Core ML package in {path} has other tensors than the file names: {inputs}, {outputs}")
    try:
        return LoweredProgram(
            program=program, input_names=call.file_inputs(inputs), output_names=call.file_outputs(outputs)
        )
    except ValueError as error:
        raise ReblurError(f"cannot bind the Core ML package in {path}: {error}") from error
