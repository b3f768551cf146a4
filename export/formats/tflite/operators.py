"""The operators of a saved TFLite file as a plain list; see ``export.analysis.operators``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from export.analysis.operators import OpNode, Shape, size_of
from runtime.system.errors import ReblurError
from runtime.system.silence import silence


def tflite_nodes(path: Path) -> tuple[OpNode, ...]:
    """The operators of a ``.tflite`` file in order of execution.

    Custom operators are CUSTOM:<name>. Tensors are named by their index.

    Raises:
        ReblurError: the file is no TFLite model, or has other than one subgraph.
    """
    with silence():
        from ai_edge_litert import schema_py_generated as schema
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise ReblurError(f"{path} is not a TFLite model")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if len(model.subgraphs) != 1:
        raise ReblurError(f"{path} has {len(model.subgraphs)} subgraphs; one is expected")
    (graph,) = model.subgraphs
    names = _names_by_number(schema.BuiltinOperator)
    types = _names_by_number(schema.TensorType)
    # Large weights may lie after the flatbuffer, which then holds their place and size only.
    buffers = [model.buffers[tensor.buffer] for tensor in graph.tensors]
    constant = [buffer.data is not None or buffer.size > 0 for buffer in buffers]
    shapes = [tuple(int(size) for size in (() if t.shape is None else t.shape)) for t in graph.tensors]
    nodes = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        op = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        reads = [int(i) for i in operator.inputs if i >= 0]
        writes = [int(i) for i in operator.outputs]
        computed = [i for i in reads if not constant[i]]
        weight = _TFLITE_WEIGHTS.get(op)
        nodes.append(
            OpNode(
                op=f"CUSTOM:{code.customCode.decode()}" if op == "CUSTOM" else op,
                output=str(writes[0]),
                reads=tuple(str(i) for i in computed),
                writes=tuple(str(i) for i in writes),
                dtypes=tuple(types[graph.tensors[i].type] for i in (*computed, *writes)),
                shapes=tuple(shapes[i] for i in (*computed, *writes)),
                shape=shapes[writes[0]],
                kernel=shapes[reads[weight]][1:3] if weight is not None else (),
                multiplications=_tflite_work(op, [shapes[i] for i in reads], shapes[writes[0]]),
            )
        )
    return tuple(nodes)


_TFLITE_WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1}
"""Operator -> which of its inputs is the kernel: (C_out, KH, KW, C_in)."""


_TFLITE_WORK: dict[str, Callable[[list[Shape], Shape], int]] = {
    "CONV_2D": lambda reads, out: size_of(out) * size_of(reads[1][1:]),
    "DEPTHWISE_CONV_2D": lambda reads, out: size_of(out) * size_of(reads[1][1:3]),
    "TRANSPOSE_CONV": lambda reads, out: size_of(reads[2]) * size_of(reads[1][:3]),
    "FULLY_CONNECTED": lambda reads, out: size_of(out) * size_of(reads[1][1:]),
    "BATCH_MATMUL": lambda reads, out: size_of(out) * size_of(reads[0][-1:]),
    "MUL": lambda reads, out: size_of(out),
    "DIV": lambda reads, out: size_of(out),
}


def _tflite_work(op: str, reads: list[Shape], out: Shape) -> int:
    return _TFLITE_WORK[op](reads, out) if op in _TFLITE_WORK else 0


def _names_by_number(table: Any) -> dict[int, str]:
    return {value: name for name, value in vars(table).items() if isinstance(value, int)}
