"""The flatbuffer of a ``.tflite`` file as objects: read, edited and packed again.

model = read_model(path.read_bytes())
...                                      # change operators, tensors and constants
content = pack_model(model)
"""

from __future__ import annotations

from functools import cache
from typing import Any

import flatbuffers
import numpy as np

from runtime.system.silence import silence

IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = 16
"""Bytes; the schema asks it of constants, so that kernels may read them in place as vectors."""


@cache
def schema() -> Any:
    """The flatbuffer schema's generated classes."""
    with silence():
        from ai_edge_litert import schema_py_generated
    return schema_py_generated


def read_model(content: bytes) -> Any:
    """The bytes of a file -> a ``ModelT`` of the schema, with all constants inside the flatbuffer."""
    model = schema().ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.size:  # It lies after the flatbuffer, at a place counted from the file's start.
            buffer.data = np.frombuffer(content, np.uint8, count=buffer.size, offset=buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def pack_model(model: Any) -> bytes:
    """A ``ModelT`` -> the bytes of a file; equal models give equal bytes."""
    builder = _Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def kind_of(model: Any, operator: Any) -> int:
    """The operator's ``BuiltinOperator``; old files keep it in a field of eight bits."""
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


@cache
def operator_names() -> dict[int, str]:
    """``BuiltinOperator`` -> its name, for example 3 -> "CONV_2D"."""
    return {value: name for name, value in vars(schema().BuiltinOperator).items() if isinstance(value, int)}


def is_constant(model: Any, tensor: Any) -> bool:
    """Whether a tensor's values are in the file."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


class Editor:
    """Adds operators, tensors and constants to one subgraph."""

    def __init__(self, model: Any, graph: Any) -> None:
        self.model, self.graph = model, graph

    def operator(self, kind: int, inputs: list[int], output: int, version: int = 1) -> Any:
        """A new operator, not yet in the graph."""
        operator = schema().OperatorT()
        operator.opcodeIndex = self._code(kind, version)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        return operator

    def tensor_like(self, tensor: int, shape: list[int]) -> int:
        """A new computed tensor of the type and quantisation of another."""
        like, new = self.graph.tensors[tensor], schema().TensorT()
        new.type, new.quantization, new.hasRank = like.type, like.quantization, like.hasRank
        new.shape = np.array(shape, np.int32)
        return self._add(new)  # buffer 0, the empty one, is the default

    def constant(self, value: np.ndarray, kind: int) -> int:
        """A new constant.

        Args:
            value: of the type that ``kind`` says.
            kind: a ``TensorType``.
        """
        new = schema().TensorT()
        new.type, new.shape, new.hasRank = kind, np.array(value.shape, np.int32), True
        new.buffer = self._buffer(value.astype(value.dtype.newbyteorder("<")).tobytes())
        return self._add(new)

    def metadata(self, name: bytes, content: bytes) -> None:
        """Add a note to the file that runtimes look up by name."""
        entry = schema().MetadataT()
        entry.name, entry.buffer = name, self._buffer(content)
        self.model.metadata = [*(self.model.metadata or []), entry]

    def _buffer(self, content: bytes) -> int:
        buffer = schema().BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def _add(self, tensor: Any) -> int:
        index = len(self.graph.tensors)
        tensor.name = f"added_{index}".encode()
        self.graph.tensors.append(tensor)
        return index

    def _code(self, kind: int, version: int) -> int:
        """Index of a version of an operator kind, added where it is not there."""
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == kind and code.version >= version:
                return index
        code = schema().OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1


class _Builder(flatbuffers.Builder):
    """Aligns constants as the schema asks, which the generated Python code forgets, and writes equal vectors once.

    Shapes, zero points and operators' inputs repeat a lot. A reader cannot tell: a vector is found by its place.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._places: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        """Begin a vector; those of bytes are the constants."""
        return int(super().StartVector(elemSize, numElems, BUFFER_ALIGNMENT if elemSize == 1 else alignment))

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        """Write a vector, or give the place of an equal one."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._places:
            self._places[key] = int(super().CreateNumpyVector(x))
        return self._places[key]
