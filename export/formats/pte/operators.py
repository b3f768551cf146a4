"""The operators of a saved ExecuTorch file: those inside each delegate, and those left to its reference kernels.

What a delegate runs is in its own format inside the file: a flatbuffer for XNNPACK and Vulkan, a whole package for
Core ML. They are read with the schemas that ship with ExecuTorch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export.analysis.operators import OpNode, SavedGraph, Shape, Unit, size_of
from export.formats.mlpackage.operators import nodes_of_program
from export.interpreters.mil import MilProgram
from export.interpreters.mil.archive import unpack
from export.interpreters.mil.from_pte import BACKEND as CORE_ML
from export.interpreters.mil.from_pte import LOWERED_MODULE, PACKAGE
from export.interpreters.pte_program import constants_of, read_file, read_flatbuffer
from export.interpreters.vulkan.blob import read_graph
from export.interpreters.vulkan.ops import CONVOLUTIONS
from export.interpreters.vulkan.program import BACKEND as VULKAN
from export.interpreters.vulkan.values import Call, VkGraph
from runtime.system.errors import ReblurError

XNNPACK = "XnnpackBackend"
TITLES: dict[str, str] = {CORE_ML: "Core ML", VULKAN: "Vulkan", XNNPACK: "XNNPACK"}
"""Delegate -> its name for people."""
UNITS: dict[str, tuple[Unit, ...]] = {CORE_ML: ("Neural Engine",), VULKAN: ("Vulkan",), XNNPACK: ()}
"""Delegate -> what it may run on besides the CPU."""
Constants = Mapping[str, bytes]
"""What the file keeps for its delegates beside their data, by name."""


def pte_nodes(path: Path) -> SavedGraph:
    """Read the operators of a ``.pte`` file.

    Raises:
        ReblurError: the file is no ExecuTorch program, or a delegate is not one that can be read.
    """
    file = read_file(path)
    program, constants = file.program, constants_of(file)
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
                inside += _read_delegate(delegate.id, data, constants, path)
            elif kind == "KernelCall":
                outside.append(_kernel_call(plan, arguments, len(outside)))
    units = tuple(unit for name in dict.fromkeys(delegates) for unit in UNITS[name])
    return SavedGraph(
        path=path, operators=tuple(inside), units=units, delegates=tuple(delegates), outside=tuple(outside)
    )


def _read_delegate(name: str, data: bytes, constants: Constants, path: Path) -> tuple[OpNode, ...]:
    if name not in _READERS:
        raise ReblurError(f"{path} holds a subgraph for {name}, which cannot be read; these can: {', '.join(_READERS)}")
    return _READERS[name](data, constants, path)


def _core_ml(data: bytes, constants: Constants, path: Path) -> tuple[OpNode, ...]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(data, Path(folder), path)
        return nodes_of_program(MilProgram.load(Path(folder) / LOWERED_MODULE / PACKAGE))


def _xnnpack(data: bytes, constants: Constants, path: Path) -> tuple[OpNode, ...]:
    graph = read_flatbuffer(data, b"XH00", "xnnpack", path)
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


def _vulkan(data: bytes, constants: Constants, path: Path) -> tuple[OpNode, ...]:
    graph = read_graph(data, constants, path)
    nodes: list[OpNode] = []
    for call in graph.calls:
        reads = graph.reads(call)
        tensors = [graph.tensor(value_id) for value_id in (*reads, call.output)]
        nodes.append(
            OpNode(
                op=call.op,
                output=str(call.output),
                reads=tuple(str(value_id) for value_id in reads if graph.tensor(value_id).constant is None),
                writes=(str(call.output),),
                dtypes=tuple(tensor.dtype for tensor in tensors),
                shapes=tuple(tensor.shape for tensor in tensors),
                shape=tensors[-1].shape,
                multiplications=_vulkan_work(graph, call),
            )
        )
    return tuple(nodes)


def _vulkan_work(graph: VkGraph, call: Call) -> int:
    """Multiplications of one Vulkan op."""
    out = graph.tensor(call.output).shape
    if call.op in CONVOLUTIONS:
        # The weight is (C_out, C_in / groups, KH, KW); the first two are exchanged when transposed.
        is_transposed = bool(graph.values[call.arguments[6]])
        plane = graph.tensor(call.arguments[0]).shape if is_transposed else out
        return size_of(plane) * size_of(graph.tensor(call.arguments[1]).shape[1:])
    return size_of(out) if call.op in ("aten.mul.Tensor", "aten.div.Tensor") else 0


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


_READERS: dict[str, Callable[[bytes, Constants, Path], tuple[OpNode, ...]]] = {
    CORE_ML: _core_ml,
    VULKAN: _vulkan,
    XNNPACK: _xnnpack,
}
"""Delegate -> how its data is read."""
