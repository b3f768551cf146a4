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
from typing import Any

import numpy as np

from export.mil.program import MilProgram
from export.mil.quiet import quiet_warnings

BACKEND = "CoreMLBackend"
LOWERED_MODULE = "lowered_module"
"""Folder inside the delegate's data that holds the package and what names its tensors."""


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
            ValueError: the number of inputs or a shape does not fit, or values leave the finite range.
        """
        if len(inputs) != len(self.input_names):
            raise ValueError(f"the file takes {len(self.input_names)} inputs, but {len(inputs)} were given")
        results = self.program.run(dict(zip(self.input_names, inputs, strict=True)), precision)
        return [results[name] for name in self.output_names]


def load_lowered(path: Path) -> LoweredProgram:
    """Take the package out of the ``.pte`` file at ``path`` and load it.

    Raises:
        ValueError: the file is no ExecuTorch program, is not one call of the Core ML delegate from its inputs to
            its outputs, or its package is damaged.
    """
    data = _delegate_data(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(data, folder, path)
        lowered = folder / LOWERED_MODULE
        try:
            names = json.loads((lowered / "metadata.json").read_text(encoding="utf-8"))
            inputs, outputs = tuple(names["inputNames"]), tuple(names["outputNames"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the Core ML data in {path} does not name its inputs and outputs: {error!r}") from error
        program = MilProgram.load(lowered / "model.mlpackage")
    declared = ({spec.name for spec in program.inputs}, {spec.name for spec in program.outputs})
    if (set(inputs), set(outputs)) != declared:
        raise ValueError(f"the Core ML package in {path} has other tensors than the file names: {inputs}, {outputs}")
    return LoweredProgram(program=program, input_names=inputs, output_names=outputs)


def unpack(data: bytes, folder: Path, path: Path) -> None:
    """Write the files in the delegate's ``data`` under ``folder``; ``path`` is named in errors.

    Raises:
        ValueError: the data is no such archive.
    """
    from executorch.backends.apple.coreml import executorchcoreml

    if not executorchcoreml.unflatten_directory_contents(data, str(folder)) or not (folder / LOWERED_MODULE).is_dir():
        raise ValueError(f"the Core ML data in {path} is damaged: it holds no package")


def read_program(path: Path) -> Any:
    """The deserialised ``Program`` of a ``.pte`` file.

    Raises:
        ValueError: it is no ExecuTorch program.
    """
    with quiet_warnings():
        from executorch.exir._serialize._program import deserialize_pte_binary
    content = path.read_bytes()
    if content[4:6] != b"ET":
        raise ValueError(f"{path} is not an ExecuTorch program")
    try:
        return deserialize_pte_binary(content).program
    except Exception as error:  # flatbuffers raises whatever its reading of damaged bytes leads to
        raise ValueError(f"{path} is a damaged ExecuTorch program: {type(error).__name__}: {error}") from error


def _delegate_data(path: Path) -> bytes:
    """What the one Core ML delegate of the file is handed."""
    program = read_program(path)
    (plan,) = program.execution_plan
    instructions = [instruction.instr_args for chain in plan.chains for instruction in chain.instructions]
    called = [type(arguments).__name__ for arguments in instructions]
    backends = [delegate.id for delegate in plan.delegates]
    if called != ["DelegateCall"] or backends != [BACKEND]:
        found = ", ".join(backends) or "none"
        raise ValueError(f"{path} is not one call of {BACKEND}: its instructions are {called}, its delegates {found}")
    (call,) = instructions
    if list(call.args) != [*plan.inputs, *plan.outputs]:
        raise ValueError(f"{path} does not hand its inputs and outputs to {BACKEND} in their order")
    return bytes(program.backend_delegate_data[plan.delegates[0].processed.index].data)
