"""fp16 in a TFLite file: weights of half the size, and leave to compute in fp16; inputs and outputs stay float32.

Each constant of a convolution becomes float16 with a DEQUANTIZE between it and its reader, the form that every runtime
knows. XNNPACK and the GPU delegate take the pair for a weight: the first unpacks it once while loading, the second
keeps the halves. Biases go with the weights, small as they are: TensorFlow 2.21 leaves a convolution of both types out
of XNNPACK. Other constants (scales, limits) stay float32, since there is nothing to save.

A note in the file's metadata tells XNNPACK that the graph stands fp16 arithmetic. It then computes so on processors
that have it (ARMv8.2 and later) and in float32 on all others; GPU delegates do as the application tells them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.formats.tflite.flatbuffer import Editor, is_constant, kind_of, operator_names, schema
from runtime.system.errors import ReblurError

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
"""Operators whose weights and biases are halved."""
ARITHMETIC = (b"reduced_precision_support", b"fp16accfp16")
"""Metadata that XNNPACK reads: its name, and inference and accumulation in fp16."""


def halve(model: Any) -> None:
    """Rewrite a float ``ModelT`` in place.

    Raises:
        ReblurError: a weight does not fit into float16.
    """
    types, builtin, names = schema().TensorType, schema().BuiltinOperator, operator_names()
    (graph,) = model.subgraphs
    editor = Editor(model, graph)
    convolutions = [op for op in graph.operators if names[kind_of(model, op)] in CONVOLUTIONS]
    unpacked = []
    for index in sorted({int(index) for operator in convolutions for index in operator.inputs if index >= 0}):
        tensor = graph.tensors[index]
        if tensor.type == types.FLOAT32 and is_constant(model, tensor):
            values = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view("<f4").reshape(tensor.shape)
            half = editor.constant(_half(values), types.FLOAT16)
            tensor.buffer = 0  # It is computed from now on; its readers do not notice.
            unpacked.append(editor.operator(builtin.DEQUANTIZE, [half], index, version=3))
    graph.operators = [*unpacked, *graph.operators]
    editor.metadata(*ARITHMETIC)


def _half(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise ReblurError(f"a weight of {np.abs(values).max():g} does not fit into float16, which ends at 65504")
    return half
