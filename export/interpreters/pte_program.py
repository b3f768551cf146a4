"""An ExecuTorch file taken apart: its program, and what its one delegate is handed.

    call = read_single_call(Path("deblur_vulkan_fp16.pte"), "VulkanBackend")
    call.data                                 # the delegate's own format
    call.file_inputs(["sigma_px", "image"])   # what belongs to the delegate's inputs, in the file's order

Lowering may exchange the inputs: a delegate takes them in the order of their first use.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from export.interpreters.mil.quiet import quiet_warnings
from runtime.system.errors import ReblurError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DelegateCall:
    """The one call that a whole file consists of."""

    data: bytes = field(repr=False)
    """What the delegate is handed, in its own format."""
    constants: Mapping[str, bytes] = field(repr=False)
    """What the file keeps beside it for the delegate, by name."""
    inputs: tuple[int, ...]
    """For each input of the delegate, which of the file's it is."""
    outputs: tuple[int, ...]
    """For each output of the delegate, which of the file's it is."""

    def file_inputs(self, values: Sequence[T]) -> tuple[T, ...]:
        """What belongs to the delegate's inputs, in the order of the file's.

        Raises:
            ReblurError: there are more or fewer of them than inputs.
        """
        return _in_file_order(values, self.inputs, "inputs")

    def file_outputs(self, values: Sequence[T]) -> tuple[T, ...]:
        """What belongs to the delegate's outputs, in the order of the file's.

        Raises:
            ReblurError: there are more or fewer of them than outputs.
        """
        return _in_file_order(values, self.outputs, "outputs")


def read_file(path: Path) -> Any:
    """The deserialised ``PTEFile`` at ``path``: its ``program``, and the ``named_data`` beside it.

    Raises:
        ReblurError: it is no ExecuTorch program.
    """
    with quiet_warnings():
        from executorch.exir._serialize._program import deserialize_pte_binary
    content = path.read_bytes()
    if content[4:6] != b"ET":
        raise ReblurError(f"{path} is not an ExecuTorch program")
    try:
        return deserialize_pte_binary(content)
    except Exception as error:  # flatbuffers raises whatever its reading of damaged bytes leads to
        raise ReblurError(f"{path} is a damaged ExecuTorch program: {type(error).__name__}: {error}") from error


def read_single_call(path: Path, backend: str) -> DelegateCall:
    """The one call of ``backend`` that the file consists of.

    Raises:
        ReblurError: the file is no ExecuTorch program, or is not one such call from its inputs to its outputs.
    """
    file = read_file(path)
    (plan,) = file.program.execution_plan
    instructions = [instruction.instr_args for chain in plan.chains for instruction in chain.instructions]
    called = [type(arguments).__name__ for arguments in instructions]
    backends = [delegate.id for delegate in plan.delegates]
    if called != ["DelegateCall"] or backends != [backend]:
        found = ", ".join(backends) or "none"
        raise ReblurError(f"{path} is not one call of {backend}: its instructions are {called}, its delegates {found}")
    (call,) = instructions
    count = len(plan.inputs)
    taken, given = list(call.args[:count]), list(call.args[count:])
    if sorted(taken) != sorted(plan.inputs) or sorted(given) != sorted(plan.outputs):
        raise ReblurError(f"{path} does not hand all of its inputs and outputs, and nothing else, to {backend}")
    return DelegateCall(
        data=bytes(file.program.backend_delegate_data[plan.delegates[0].processed.index].data),
        constants=constants_of(file),
        inputs=tuple(plan.inputs.index(value) for value in taken),
        outputs=tuple(plan.outputs.index(value) for value in given),
    )


def constants_of(file: Any) -> dict[str, bytes]:
    """What a deserialised file keeps for its delegates beside their data, by name."""
    stored = file.named_data
    if stored is None:
        return {}
    return {name: bytes(stored.buffers[entry.buffer_index]) for name, entry in stored.pte_data.items()}


def read_flatbuffer(data: bytes, magic: bytes, backend: str, path: Path) -> Any:
    """The graph in the data of XNNPACK or Vulkan, as plain lists and dictionaries.

    The data of both begins with four bytes that are skipped, four of ``magic``, two of the header's length, four of
    the graph's offset and four of its size.

    Args:
        data: what the delegate is handed.
        magic: what it must start with.
        backend: "xnnpack" or "vulkan", whose schema ships with ExecuTorch.
        path: of the file, for errors.

    Raises:
        ReblurError: the data is damaged.
    """
    import executorch.backends
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    if data[4:8] != magic:
        raise ReblurError(f"the delegate's data in {path} starts with {data[4:8]!r}, not {magic!r}; it is damaged")
    schema = Path(executorch.backends.__path__[0]) / backend / "serialization" / "schema.fbs"
    offset, size = (int.from_bytes(data[at : at + 4], "little") for at in (10, 14))
    with tempfile.TemporaryDirectory() as name:
        binary = Path(name) / "graph.bin"
        binary.write_bytes(data[offset : offset + size])
        try:
            _flatc_decompile(name, str(schema), str(binary), ["--raw-binary"])
            text = (Path(name) / "graph.json").read_text(encoding="utf-8")
            # The unbounded side of an activation is written as a bare inf, which is no JSON.
            return json.loads(re.sub(r"(?<=[\s\[,:])(-?)inf(?=[\s\],}])", r"\1Infinity", text))
        except Exception as error:  # the compiler of flatbuffers ends by a signal on some damaged bytes
            raise ReblurError(f"the delegate's graph in {path} is damaged: {type(error).__name__}") from error


def _in_file_order(values: Sequence[T], positions: tuple[int, ...], kind: str) -> tuple[T, ...]:
    if len(values) != len(positions):
        raise ReblurError(f"the file has {len(positions)} {kind}, but its delegate {len(values)}")
    return tuple(values[positions.index(i)] for i in range(len(positions)))
