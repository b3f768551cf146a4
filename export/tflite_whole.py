"""Rewrites a TFLite file so that the XNNPACK delegate takes it in one piece; what it computes stays the same.

The delegate leaves two things behind that the converter writes whatever the module says: RELU_0_TO_1, which NNAPI
does not know either, and concatenations of more than five tensors. Each costs a copy out of the delegate and back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from runtime.silence import silence

WIDEST_CONCATENATION = 5


def make_whole(content: bytes) -> bytes:
    """Rewrite the bytes of a ``.tflite`` file.

    RELU_0_TO_1 on floats becomes MINIMUM(RELU(x), 1). A wide CONCATENATION becomes a tree of narrow ones that joins
    its smallest neighbours first, so that a picture between its repeated edges is still copied once.
    """
    import flatbuffers

    with silence():
        from ai_edge_litert import schema_py_generated as schema
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    _take_in_weights(model, content)
    for graph in model.subgraphs:
        editor = _Editor(schema, model, graph)
        operators = []
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            kind = max(code.builtinCode, code.deprecatedBuiltinCode)
            is_float = graph.tensors[operator.outputs[0]].type == schema.TensorType.FLOAT32
            if kind == schema.BuiltinOperator.RELU_0_TO_1 and is_float:
                operators += editor.clamp(operator)
            elif kind == schema.BuiltinOperator.CONCATENATION and len(operator.inputs) > WIDEST_CONCATENATION:
                operators += editor.concatenate(operator)
            else:
                operators.append(operator)
        graph.operators = operators
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _take_in_weights(model: Any, content: bytes) -> None:
    """Move weights that lie after the flatbuffer into it; their places are counted from the file's start."""
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, count=buffer.size, offset=buffer.offset)
            buffer.offset = buffer.size = 0


class _Editor:
    """Adds operators, tensors and constants to one subgraph."""

    def __init__(self, schema: Any, model: Any, graph: Any) -> None:
        self._schema, self._model, self._graph = schema, model, graph

    def clamp(self, operator: Any) -> list[Any]:
        """RELU, then MINIMUM with 1."""
        builtin = self._schema.BuiltinOperator
        (source,), (result,) = operator.inputs, operator.outputs
        positive = self._tensor_like(result, list(self._graph.tensors[result].shape), "positive")
        options = self._schema.MaximumMinimumOptionsT()
        limit = self._operator(builtin.MINIMUM, [positive, self._one()], result)
        limit.builtinOptionsType, limit.builtinOptions = self._schema.BuiltinOptions.MaximumMinimumOptions, options
        return [self._operator(builtin.RELU, [source], positive), limit]

    def concatenate(self, operator: Any) -> list[Any]:
        """A tree of concatenations, each of at most ``WIDEST_CONCATENATION`` tensors."""
        axis = operator.builtinOptions.axis
        added: list[Any] = []
        pending = [int(i) for i in operator.inputs]
        while len(pending) > WIDEST_CONCATENATION:
            start, width = self._cheapest(pending)
            group = pending[start : start + width]
            shape = list(self._graph.tensors[group[0]].shape)
            shape[axis] = sum(int(self._graph.tensors[i].shape[axis]) for i in group)
            joined = self._tensor_like(group[0], shape, f"joined_{len(added)}")
            part = self._operator(self._schema.BuiltinOperator.CONCATENATION, group, joined)
            part.builtinOptionsType, part.builtinOptions = operator.builtinOptionsType, operator.builtinOptions
            added.append(part)
            pending[start : start + width] = [joined]
        operator.inputs = np.array(pending, np.int32)
        return [*added, operator]

    def _cheapest(self, pending: list[int]) -> tuple[int, int]:
        """Start and width of the neighbours to join next: the smallest ones on the longer side of the largest."""
        sizes = [self._size(i) for i in pending]
        largest = sizes.index(max(sizes))
        first, end = (0, largest) if largest >= len(sizes) - largest - 1 else (largest + 1, len(sizes))
        # The last join may need fewer; taking too many would only copy more.
        width = min(WIDEST_CONCATENATION, len(sizes) - WIDEST_CONCATENATION + 1, end - first)
        return min(range(first, end - width + 1), key=lambda start: sum(sizes[start : start + width])), width

    def _size(self, tensor: int) -> int:
        return math.prod(int(size) for size in self._graph.tensors[tensor].shape)

    def _operator(self, kind: int, inputs: list[int], output: int) -> Any:
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        return operator

    def _code(self, kind: int) -> int:
        """Index of the first version of an operator kind, added where it is not there."""
        for index, code in enumerate(self._model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == kind:
                return index
        code = self._schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), 1
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    def _tensor_like(self, tensor: int, shape: list[int], suffix: str) -> int:
        """A new computed tensor of the type and quantisation of another."""
        like, new = self._graph.tensors[tensor], self._schema.TensorT()
        new.type, new.quantization, new.hasRank = like.type, like.quantization, like.hasRank
        new.shape, new.name = np.array(shape, np.int32), like.name + f"/{suffix}_{len(self._graph.tensors)}".encode()
        self._graph.tensors.append(new)  # buffer 0, the empty one, is the default
        return len(self._graph.tensors) - 1

    def _one(self) -> int:
        """A constant 1.0."""
        buffer, new = self._schema.BufferT(), self._schema.TensorT()
        buffer.data = np.frombuffer(np.array([1.0], "<f4").tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        new.type, new.shape, new.hasRank = self._schema.TensorType.FLOAT32, np.array([1], np.int32), True
        new.buffer, new.name = len(self._model.buffers) - 1, f"one_{len(self._graph.tensors)}".encode()
        self._graph.tensors.append(new)
        return len(self._graph.tensors) - 1
