"""The operators of a saved ExecuTorch file: those inside each delegate, and those left to its reference kernels.

What a delegate runs is in its own format inside the file: a flatbuffer for XNNPACK and Vulkan, a whole package for
Core ML. They are read with the schemas that ship with ExecuTorch.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.mil import MilProgram
from export.mil.from_pte import BACKEND as CORE_ML
from export.mil.from_pte import LOWERED_MODULE, read_program, unpack
from export.op_nodes import OpNode, Shape, nodes_of_program, size_of

XNNPACK = "XnnpackBackend"
VULKAN = "VulkanBackend"


@dataclass(frozen=True, kw_only=True)
class PteNodes:
    """The operators of one ``.pte`` file."""

    delegates: tuple[str, ...]
    """The delegate of each subgraph, in order of execution."""
    inside: tuple[OpNode, ...]
    """What the delegates run."""
    outside: tuple[OpNode, ...]
    """What reference kernels run."""


def pte_nodes(path: Path) -> PteNodes:
    """Read the operators of a ``.pte`` file.

    Raises:
        ValueError: the file is no ExecuTorch program, or a delegate is not one that can be read.
    """
    program = read_program(path)
    (plan,) = program.execution_plan
    delegates: list[str] = []
    inside: list[OpNode] = []
    outside: list[OpNode] = []
    for chain in plan.chains:
        for instruction in chain.instructions:
            arguments = instruction.instr_args
            kind = type(arguments).__name__
            if kind == "DelegateCall":
                delegate = plan.delegates[arguments.delegate_index]
                data = bytes(program.backend_delegate_data[delegate.processed.index].data)
                delegates.append(delegate.id)
                inside += _read_delegate(delegate.id, data, path)
            elif kind == "KernelCall":
                outside.append(_kernel_call(plan, arguments, len(outside)))
    return PteNodes(delegates=tuple(delegates), inside=tuple(inside), outside=tuple(outside))


def _read_delegate(name: str, data: bytes, path: Path) -> tuple[OpNode, ...]:
    if name not in _READERS:
        raise ValueError(f"{path} holds a subgraph for {name}, which cannot be read; these can: {', '.join(_READERS)}")
    return _READERS[name](data, path)


def _core_ml(data: bytes, path: Path) -> tuple[OpNode, ...]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(data, Path(folder), path)
        return nodes_of_program(MilProgram.load(Path(folder) / LOWERED_MODULE / "model.mlpackage"))


def _xnnpack(data: bytes, path: Path) -> tuple[OpNode, ...]:
    import executorch.backends.xnnpack.serialization as serialization

    graph = _flatbuffer(data, b"XH00", Path(serialization.__path__[0]) / "schema.fbs", path)
    values = [value["xvalue_union"] for value in graph["xvalues"]]
    tensors = [value.get("tensor_value", value) for value in values]  # a quantised value wraps a plain one
    shapes = {tensor["id_out"]: tuple(tensor["dims"]) for tensor in tensors}
    nodes = []
    for index, node in enumerate(graph["xnodes"]):
        op, fields = node["xnode_union_type"], node["xnode_union"]
        out = shapes[fields["output_id"]]
        nodes.append(OpNode(op=op, output=f"{index}", shape=out, multiplications=_xnnpack_work(op, fields, shapes)))
    return tuple(nodes)


def _xnnpack_work(op: str, fields: dict[str, Any], shapes: dict[int, Shape]) -> int:
    """Multiplications of one XNNPACK node."""
    out = size_of(shapes[fields["output_id"]])
    if op in ("XNNMultiply", "XNNDiv"):
        return out
    if op == "XNNFullyConnected":
        return out * size_of(shapes[fields["filter_id"]][1:])
    if "kernel_height" not in fields or "groups" not in fields:
        return 0
    window = fields["kernel_height"] * fields["kernel_width"]
    if op == "XNNConvTranspose2d":
        return size_of(shapes[fields["input1_id"]]) * window * int(fields["group_output_channels"])
    return out * window * int(fields["group_input_channels"])


def _vulkan(data: bytes, path: Path) -> tuple[OpNode, ...]:
    import executorch.backends.vulkan.serialization as serialization

    graph = _flatbuffer(data, b"VH00", Path(serialization.__path__[0]) / "schema.fbs", path)
    values = [value["value"] for value in graph["values"]]
    nodes: list[OpNode] = []
    for call in graph["chain"]:
        shapes = [tuple(values[i]["dims"]) if "dims" in values[i] else () for i in call["args"]]
        multiplications = 0
        if "conv" in call["name"]:
            # Input, weight (C_out, C_in / groups, KH, KW; the first two exchanged when transposed), ..., output.
            transposed = any(values[i].get("bool_val", False) for i in call["args"])
            multiplications = size_of(shapes[0] if transposed else shapes[-1]) * size_of(shapes[1][1:])
        elif call["name"].startswith(("aten.mul", "aten.div")):
            multiplications = size_of(shapes[-1])
        op = call["name"]
        nodes.append(OpNode(op=op, output=str(len(nodes)), shape=shapes[-1], multiplications=multiplications))
    return tuple(nodes)


def _flatbuffer(data: bytes, magic: bytes, schema: Path, path: Path) -> Any:
    """The delegate's graph as plain lists and dictionaries.

    Both delegates begin with four bytes that are skipped, four of ``magic``, two of the header's length, four of
    the graph's offset and four of its size.
    """
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    if data[4:8] != magic:
        raise ValueError(f"the delegate's data in {path} starts with {data[4:8]!r}, not {magic!r}; it is damaged")
    offset, size = (int.from_bytes(data[at : at + 4], "little") for at in (10, 14))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "graph.bin").write_bytes(data[offset : offset + size])
        _flatc_decompile(name, str(schema), str(folder / "graph.bin"), ["--raw-binary"])
        text = (folder / "graph.json").read_text(encoding="utf-8")
    # The unbounded side of an activation is written as a bare inf, which is no JSON.
    return json.loads(re.sub(r"(?<=[\s\[,:])(-?)inf(?=[\s\],}])", r"\1Infinity", text))


def _kernel_call(plan: Any, call: Any, index: int) -> OpNode:
    """An operator outside, by the name and the tensors of its call."""
    operator = plan.operators[call.op_index]
    values = [plan.values[i].val for i in call.args]
    shapes = [tuple(value.sizes) for value in values if hasattr(value, "sizes")]
    multiplications = 0
    if operator.name == "aten::convolution" and len(shapes) > 2:
        transposed = any(getattr(value, "bool_val", False) for value in values)
        multiplications = size_of(shapes[0] if transposed else shapes[-1]) * size_of(shapes[1][1:])
    elif operator.name in ("aten::mul", "aten::div") and shapes:
        multiplications = size_of(shapes[-1])
    shape = shapes[-1] if shapes else ()
    return OpNode(op=operator.name, output=f"outside {index}", shape=shape, multiplications=multiplications)


_READERS: dict[str, Callable[[bytes, Path], tuple[OpNode, ...]]] = {
    CORE_ML: _core_ml,
    VULKAN: _vulkan,
    XNNPACK: _xnnpack,
}
"""Delegate -> how its data is read."""
