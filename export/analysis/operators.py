"""The operators of a saved file as one plain list, whatever its format: what coverage and lint look at.

    nodes = tflite_nodes(Path("deblur_int8.tflite"))
    nodes = mil_nodes(Path("deblur_fp16.mlpackage"))

Work is counted in multiplications: those of convolutions and matrix products, and one for each element of an
element-wise product or quotient. Additions come with them and are not counted again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from export.interpreters.mil import MilProgram
from export.interpreters.mil.graph import Reference, Step
from runtime.system.errors import ReblurError
from runtime.system.silence import silence

Shape = tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class OpNode:
    """One operator. Constants are not among its inputs."""

    op: str
    """As the format names it."""
    output: str
    """Name of its first output tensor; unique in the file."""
    reads: tuple[str, ...] = ()
    """Computed tensors and inputs of the graph that it takes."""
    writes: tuple[str, ...] = ()
    """Tensors that it gives."""
    dtypes: tuple[str, ...] = ()
    """Element types of what it reads and writes, in capitals as the format names them."""
    shapes: tuple[Shape, ...] = ()
    """Shapes of what it reads and writes; None for a flexible dimension."""
    shape: Shape = ()
    """Shape of its first output."""
    kernel: tuple[int, ...] = ()
    """Rows and columns of a convolution's kernel."""
    mode: str = ""
    """How a pad fills."""
    scalars: tuple[float, ...] = ()
    """Constant arguments that are single floating-point numbers."""
    multiplications: int = 0


def histogram(nodes: Iterable[OpNode]) -> dict[str, int]:
    """How often each operator occurs, most frequent first."""
    return dict(Counter(node.op for node in nodes).most_common())


def work(nodes: Iterable[OpNode]) -> int:
    """Multiplications of all ``nodes``."""
    return sum(node.multiplications for node in nodes)


def size_of(shape: Sequence[int | None]) -> int:
    """Number of elements; flexible dimensions count once."""
    return math.prod(size or 1 for size in shape)


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


def mil_nodes(path: Path, function: str | None = None) -> tuple[OpNode, ...]:
    """The operators of a ``.mlpackage`` in order of execution, constants left out.

    Args:
        path: the package.
        function: which one of a package with several; None for the one that runs when nothing is said.

    Raises:
        ReblurError: see ``MilProgram.load``.
    """
    return nodes_of_program(MilProgram.load(path, function or ""))


def nodes_of_program(program: MilProgram) -> tuple[OpNode, ...]:
    """The operators of a loaded Core ML program."""
    specs = {spec.name: (spec.dtype, spec.shape) for spec in program.inputs}
    nodes = []
    for step in program.graph.steps:
        specs.update({spec.name: (spec.dtype, spec.shape) for spec in step.outputs})
        reads = tuple(sorted(step.references()))
        writes = tuple(spec.name for spec in step.outputs)
        weight = _constant(step, "weight")
        nodes.append(
            OpNode(
                op=step.op_type,
                output=writes[0],
                reads=reads,
                writes=writes,
                dtypes=tuple(specs[name][0] for name in (*reads, *writes)),
                shapes=tuple(specs[name][1] for name in (*reads, *writes)),
                shape=step.outputs[0].shape,
                kernel=tuple(weight.shape[2:]) if weight is not None else (),
                mode=_text(step, "mode"),
                scalars=_scalars(step),
                multiplications=_mil_work(step, {name: shape for name, (_, shape) in specs.items()}),
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


def _mil_work(step: Step, shapes: dict[str, Shape]) -> int:
    """Multiplications of one MIL op."""
    out = size_of(step.outputs[0].shape)
    if step.op_type in ("mul", "real_div", "square"):
        return out
    if step.op_type in ("conv", "linear"):
        weight = _constant(step, "weight")
        return out * size_of(weight.shape[1:]) if weight is not None else 0
    (first,) = [item.name for item in step.bindings.get("x", ()) if isinstance(item, Reference)][:1] or [""]
    read = shapes.get(first, ())
    if step.op_type == "conv_transpose":
        weight = _constant(step, "weight")
        return size_of(read) * size_of(weight.shape[1:]) if weight is not None and read else 0
    if step.op_type == "matmul" and read:
        transposed = _constant(step, "transpose_x")
        return out * size_of(read[-2:-1] if transposed is not None and bool(transposed) else read[-1:])
    return 0


def _constant(step: Step, parameter: str) -> Tensor | None:
    """The constant tensor given as ``parameter``, if there is one."""
    items = step.bindings.get(parameter, ())
    return items[0] if len(items) == 1 and isinstance(items[0], Tensor) else None


def _text(step: Step, parameter: str) -> str:
    items = step.bindings.get(parameter, ())
    return items[0] if len(items) == 1 and isinstance(items[0], str) else ""


def _scalars(step: Step) -> tuple[float, ...]:
    items = [item for values in step.bindings.values() for item in values]
    return tuple(float(i) for i in items if isinstance(i, Tensor) and i.is_floating_point() and i.numel() == 1)


def _names_by_number(table: Any) -> dict[int, str]:
    return {value: name for name, value in vars(table).items() if isinstance(value, int)}
