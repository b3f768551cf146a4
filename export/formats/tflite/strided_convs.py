"""Rewrites the convolutions of a TFLite model that change the resolution into ones that do not; same weights, same result.

| was | becomes | why |
|---|---|---|
| TRANSPOSE_CONV 2x2, stride 2 | CONV_2D 1x1 and DEPTH_TO_SPACE | XNNPACK computes it pixel by pixel, four times: half the time of the defocus network in int8 |
| CONV_2D 6x6, stride 2 | SPACE_TO_DEPTH and CONV_2D 3x3 | int8 kernels read channels by eights, of which a picture fills three |

It works on float and on quantised models alike, since moving numbers about needs no rounding. GPUs have kernels of
their own for the operators that it replaces, so files that may run there keep them.
"""  # noqa: E501  (a table)

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from export.formats.tflite.flatbuffer import Editor, is_constant, kind_of, schema
from runtime.system.errors import ReblurError

FACTOR = 2
"""Between the resolutions."""
ABSENT = -1
"""Stands for an input that an operator does without."""


def shuffle(model: Any) -> None:
    """Rewrite a ``ModelT`` in place; operators of other kernels and strides stay as they are."""
    builtin = schema().BuiltinOperator
    for graph in model.subgraphs:
        editor = Editor(model, graph)
        operators = []
        for operator in graph.operators:
            kind = kind_of(model, operator)
            if kind == builtin.TRANSPOSE_CONV and _is_plain_up(editor, operator):
                operators += _up(editor, operator)
            elif kind == builtin.CONV_2D and _is_plain_stem(editor, operator):
                operators += _stem(editor, operator)
            else:
                operators.append(operator)
        _empty_unused(graph, before=graph.operators, after=operators)
        graph.operators = operators


def _empty_unused(graph: Any, before: list[Any], after: list[Any]) -> None:
    """Take the values from constants that only replaced operators read; networks share some, zeros for example.

    They keep their place in the list of tensors, whose order operators go by.
    """
    read_before, read_after = ({int(i) for op in operators for i in op.inputs} for operators in (before, after))
    for index in read_before - read_after - {ABSENT}:
        graph.tensors[index].buffer, graph.tensors[index].quantization = 0, None


def _is_plain_up(editor: Editor, operator: Any) -> bool:
    """Whether the blocks of its output do not overlap: 2x2 at stride 2, with nothing after."""
    weights, options = editor.graph.tensors[operator.inputs[1]], operator.builtinOptions
    return (
        list(weights.shape[1:3]) == [FACTOR, FACTOR]
        and (options.strideH, options.strideW) == (FACTOR, FACTOR)
        and options.fusedActivationFunction == schema().ActivationFunctionType.NONE
        and is_constant(editor.model, weights)
    )


def _is_plain_stem(editor: Editor, operator: Any) -> bool:
    """Whether it is a 6x6 convolution of stride 2 with two pixels of padding on each side."""
    weights, source = (editor.graph.tensors[operator.inputs[i]] for i in (1, 0))
    options = operator.builtinOptions
    return (
        list(weights.shape[1:3]) == [3 * FACTOR, 3 * FACTOR]
        and (options.strideH, options.strideW) == (FACTOR, FACTOR)
        and options.padding == schema().Padding.SAME
        and all(int(size) % FACTOR == 0 for size in source.shape[1:3])
        and is_constant(editor.model, weights)
    )


def _up(editor: Editor, operator: Any) -> list[Any]:
    """CONV_2D 1x1 to four times the channels, those of each corner of a block together, then DEPTH_TO_SPACE."""
    _, weights, source, *bias = (int(i) for i in operator.inputs)
    (result,) = operator.outputs
    values = constant_of(editor, weights)  # (C, 2, 2, I)
    corners = FACTOR * FACTOR
    stacked = values.transpose(1, 2, 0, 3).reshape(corners * values.shape[0], 1, 1, values.shape[3])
    inputs = [source, _changed(editor, weights, stacked, corners)]
    inputs += [_changed(editor, index, np.tile(constant_of(editor, index), corners), corners) for index in bias]
    deep_shape = [1, *(int(size) for size in editor.graph.tensors[source].shape[1:3]), stacked.shape[0]]
    deep = editor.tensor_like(int(result), deep_shape)
    return [_convolution(editor, inputs, deep), _moving(editor, "DEPTH_TO_SPACE", deep, int(result))]


def _stem(editor: Editor, operator: Any) -> list[Any]:
    """SPACE_TO_DEPTH, then CONV_2D 3x3."""
    source, weights, *bias = (int(i) for i in operator.inputs)
    (result,) = operator.outputs
    values = constant_of(editor, weights)  # (O, 6, 6, I)
    outputs, _, _, channels = values.shape
    blocks = values.reshape(outputs, 3, FACTOR, 3, FACTOR, channels).transpose(0, 1, 3, 2, 4, 5)
    folded = blocks.reshape(outputs, 3, 3, FACTOR * FACTOR * channels)
    _, height, width, _ = (int(size) for size in editor.graph.tensors[source].shape)
    deep = editor.tensor_like(source, [1, height // FACTOR, width // FACTOR, folded.shape[3]])
    inputs = [deep, _changed(editor, weights, folded, 1), *bias]
    activation = operator.builtinOptions.fusedActivationFunction
    return [_moving(editor, "SPACE_TO_DEPTH", source, deep), _convolution(editor, inputs, int(result), activation)]


def constant_of(editor: Editor, tensor: int) -> np.ndarray:
    """Values of a constant, in its shape.

    Raises:
        ReblurError: it is of a type that no weights here have.
    """
    found, types = editor.graph.tensors[tensor], schema().TensorType
    dtypes = {types.FLOAT32: "<f4", types.INT8: "i1", types.INT32: "<i4"}
    if found.type not in dtypes:
        raise ReblurError(f"weights should be float32, int8 or int32, got TFLite type {found.type}")
    data = np.frombuffer(bytes(editor.model.buffers[found.buffer].data), dtypes[found.type])
    return data.reshape([int(size) for size in found.shape])


def _changed(editor: Editor, tensor: int, values: np.ndarray, repeats: int) -> int:
    """A constant like another with other values, the scale of each channel repeated; channels are its first axis."""
    old = editor.graph.tensors[tensor]
    index = editor.constant(values, old.type)
    quantization = copy.deepcopy(old.quantization)
    if quantization is not None and quantization.scale is not None and len(quantization.scale) > 1:
        quantization.scale = np.tile(quantization.scale, repeats)
        quantization.zeroPoint = np.tile(quantization.zeroPoint, repeats)
    editor.graph.tensors[index].quantization = quantization
    return index


def _convolution(editor: Editor, inputs: list[int], output: int, activation: int = 0) -> Any:
    """CONV_2D of stride 1 that keeps the size."""
    version = 3 if editor.graph.tensors[output].type == schema().TensorType.INT8 else 1
    operator = editor.operator(schema().BuiltinOperator.CONV_2D, inputs, output, version)
    options = schema().Conv2DOptionsT()
    options.padding, options.fusedActivationFunction = schema().Padding.SAME, activation
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    operator.builtinOptionsType, operator.builtinOptions = schema().BuiltinOptions.Conv2DOptions, options
    return operator


def _moving(editor: Editor, kind: str, source: int, output: int) -> Any:
    """DEPTH_TO_SPACE or SPACE_TO_DEPTH by ``FACTOR``."""
    # Version 2 is the one with int8. Of DEPTH_TO_SPACE the reference kernels have version 1 only, int8 included.
    is_int8 = editor.graph.tensors[output].type == schema().TensorType.INT8
    version = 2 if is_int8 and kind == "SPACE_TO_DEPTH" else 1
    operator = editor.operator(getattr(schema().BuiltinOperator, kind), [source], output, version)
    name = {"DEPTH_TO_SPACE": "DepthToSpaceOptions", "SPACE_TO_DEPTH": "SpaceToDepthOptions"}[kind]
    options = getattr(schema(), f"{name}T")()
    options.blockSize = FACTOR
    operator.builtinOptionsType, operator.builtinOptions = getattr(schema().BuiltinOptions, name), options
    return operator
