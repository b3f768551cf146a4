"""The operators of a saved ONNX file as a plain list; see ``export.analysis.operators``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from export.analysis.operators import OpNode, Shape, size_of
from runtime.system.errors import ReblurError, first_line

if TYPE_CHECKING:
    from onnx import ModelProto


def onnx_nodes(path: Path) -> tuple[OpNode, ...]:
    """The operators of a ``.onnx`` file in order of execution.

    Operators of other domains than ONNX's own are ``<domain>:<name>``. Weights are not among what an operator reads,
    nor is what is computed from weights alone, such as the float form of int8 ones: no device computes that twice.

    Raises:
        ReblurError: the file is no ONNX model.
    """
    from google.protobuf.message import DecodeError
    from onnx import checker, load, shape_inference

    try:
        model = load(str(path), load_external_data=False)
        checker.check_model(model)
        model = shape_inference.infer_shapes(model)
    except (DecodeError, checker.ValidationError) as error:
        raise ReblurError(f"{path} is damaged, or no ONNX model: {first_line(error)}") from error
    shapes, types = _tensors(model)
    constant = {tensor.name for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        reads = tuple(name for name in node.input if name and name not in constant)
        if not reads:
            constant.update(node.output)
        weight = shapes.get(node.input[1], ()) if node.op_type in ("Conv", "ConvTranspose") else ()
        tensors = [name for name in (*reads, *node.output) if name in shapes]
        nodes.append(
            OpNode(
                op=f"{node.domain}:{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type,
                output=node.output[0],
                reads=reads,
                writes=tuple(node.output),
                dtypes=tuple(types[name] for name in tensors),
                shapes=tuple(shapes[name] for name in tensors),
                shape=shapes.get(node.output[0], ()),
                kernel=tuple(size or 1 for size in weight[2:]),
                multiplications=_work(
                    node.op_type,
                    shapes.get(node.input[0], ()) if node.input else (),
                    weight,
                    shapes.get(node.output[0], ()),
                ),
            )
        )
    return tuple(nodes)


def _tensors(model: ModelProto) -> tuple[dict[str, Shape], dict[str, str]]:
    """Shape and element type of every tensor that has them; None for a flexible dimension."""
    from onnx import TensorProto

    shapes: dict[str, Shape] = {}
    types: dict[str, str] = {}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        tensor = value.type.tensor_type
        shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
        types[value.name] = TensorProto.DataType.Name(tensor.elem_type)
    for constant in model.graph.initializer:
        shapes[constant.name] = tuple(constant.dims)
        types[constant.name] = TensorProto.DataType.Name(constant.data_type)
    return shapes, types


def _work(op: str, first: Shape, weight: Shape, out: Shape) -> int:
    """Multiplications of one operator."""
    if op == "Conv":
        return size_of(out) * size_of(weight[1:])
    if op == "ConvTranspose":
        return size_of(first) * size_of(weight[1:])
    return size_of(out) if op in ("Mul", "Div") else 0
