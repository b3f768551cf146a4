"""Rewrites a TFLite model so that the XNNPACK delegate takes it in one piece; what it computes stays the same.

The delegate leaves two things behind that the converter writes whatever the module says: RELU_0_TO_1, which NNAPI
does not know either, and concatenations of more than five tensors. Each costs a copy out of the delegate and back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from export.formats.tflite.flatbuffer import Editor, kind_of, schema

WIDEST_CONCATENATION = 5


def make_whole(model: Any) -> None:
    """Rewrite a ``ModelT`` in place.

    RELU_0_TO_1 on floats becomes MINIMUM(RELU(x), 1). A wide CONCATENATION becomes a tree of narrow ones that joins
    its smallest neighbours first, so that a picture between its repeated edges is still copied once.
    """
    builtin, float32 = schema().BuiltinOperator, schema().TensorType.FLOAT32
    for graph in model.subgraphs:
        editor = Editor(model, graph)
        operators = []
        for operator in graph.operators:
            kind = kind_of(model, operator)
            if kind == builtin.RELU_0_TO_1 and graph.tensors[operator.outputs[0]].type == float32:
                operators += _clamp(editor, operator)
            elif kind == builtin.CONCATENATION and len(operator.inputs) > WIDEST_CONCATENATION:
                operators += _concatenate(editor, operator)
            else:
                operators.append(operator)
        graph.operators = operators


def _clamp(editor: Editor, operator: Any) -> list[Any]:
    """RELU, then MINIMUM with 1."""
    builtin = schema().BuiltinOperator
    (source,), (result,) = operator.inputs, operator.outputs
    positive = editor.tensor_like(result, list(editor.graph.tensors[result].shape))
    one = editor.constant(np.array([1.0], np.float32), schema().TensorType.FLOAT32)
    limit = editor.operator(builtin.MINIMUM, [positive, one], result)
    limit.builtinOptionsType = schema().BuiltinOptions.MaximumMinimumOptions
    limit.builtinOptions = schema().MaximumMinimumOptionsT()
    return [editor.operator(builtin.RELU, [source], positive), limit]


def _concatenate(editor: Editor, operator: Any) -> list[Any]:
    """A tree of concatenations, each of at most ``WIDEST_CONCATENATION`` tensors."""
    tensors, axis = editor.graph.tensors, operator.builtinOptions.axis
    added: list[Any] = []
    pending = [int(i) for i in operator.inputs]
    while len(pending) > WIDEST_CONCATENATION:
        start, width = _cheapest([math.prod(int(size) for size in tensors[i].shape) for i in pending])
        group = pending[start : start + width]
        shape = list(tensors[group[0]].shape)
        shape[axis] = sum(int(tensors[i].shape[axis]) for i in group)
        joined = editor.tensor_like(group[0], shape)
        part = editor.operator(schema().BuiltinOperator.CONCATENATION, group, joined)
        part.builtinOptionsType, part.builtinOptions = operator.builtinOptionsType, operator.builtinOptions
        added.append(part)
        pending[start : start + width] = [joined]
    operator.inputs = np.array(pending, np.int32)
    return [*added, operator]


def _cheapest(sizes: list[int]) -> tuple[int, int]:
    """Start and width of the neighbours to join next: the smallest ones on the longer side of the largest."""
    largest = sizes.index(max(sizes))
    first, end = (0, largest) if largest >= len(sizes) - largest - 1 else (largest + 1, len(sizes))
    # The last join may need fewer; taking too many would only copy more.
    width = min(WIDEST_CONCATENATION, len(sizes) - WIDEST_CONCATENATION + 1, end - first)
    return min(range(first, end - width + 1), key=lambda start: sum(sizes[start : start + width])), width
