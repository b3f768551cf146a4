"""What ExecuTorch's Vulkan runtime insists on, checked while loading: it would refuse the file, or compute nonsense.

Sources: backends/vulkan/runtime/graph/ops/impl/Convolution.cpp and BinaryOp.cpp of ExecuTorch for the layouts,
_passes/tag_memory_meta_pass.py, which is to see to them, and exir/memory_planning.py for the shared memory.
"""

from __future__ import annotations

from export.interpreters.vulkan.ops import CLONE, CONVOLUTIONS, PREPACK, find_op
from export.interpreters.vulkan.values import CHANNELS_PACKED, Call, VkGraph
from runtime.system.errors import ReblurError


def check_graph(graph: VkGraph) -> None:
    """Check a whole graph.

    Raises:
        ReblurError: an op is not known, layouts do not fit an op, or shared memory is overwritten too early.
    """
    for call in graph.calls:
        find_op(call.op)
        check_layouts(graph, call)
    check_memory(graph)


def check_layouts(graph: VkGraph, call: Call) -> None:
    """Check that the computed tensors of an op are packed alike, and those of a convolution by channels.

    Raises:
        ReblurError: they are not.
    """
    tensors = [graph.tensor(value_id) for value_id in (*graph.reads(call), call.output)]
    layouts = {tensor.layout for tensor in tensors if tensor.constant is None}
    if call.op in (CLONE, PREPACK):
        return
    if len(layouts) > 1:
        raise ReblurError(f"{call.op} of value {call.output} mixes the layouts {', '.join(sorted(layouts))}")
    if call.op in CONVOLUTIONS and layouts != {CHANNELS_PACKED}:
        raise ReblurError(f"{call.op} of value {call.output} needs {CHANNELS_PACKED}, but has {', '.join(layouts)}")


def check_memory(graph: VkGraph) -> None:
    """Check that each tensor still is in its memory when it is read, and that every op reads what was computed.

    Raises:
        ReblurError: another tensor took the memory before, or nothing was written.
    """
    owner: dict[int, int] = {}
    written = {i for i, value in enumerate(graph.values) if getattr(value, "constant", None) is not None}

    def write(value_id: int) -> None:
        written.add(value_id)
        if (memory := graph.tensor(value_id).memory) >= 0:
            owner[memory] = value_id

    def read(value_id: int, reader: str) -> None:
        if value_id not in written:
            raise ReblurError(f"{reader} reads value {value_id} before it is written")
        tensor = graph.tensor(value_id)
        if tensor.memory >= 0 and owner[tensor.memory] != value_id:
            raise ReblurError(f"{reader} reads value {value_id}, whose memory value {owner[tensor.memory]} has taken")

    for value_id in graph.inputs:
        write(value_id)
    for call in graph.calls:
        memories = set()
        for value_id in graph.reads(call):
            read(value_id, call.op)
            memories.add(graph.tensor(value_id).memory)
        if (memory := graph.tensor(call.output).memory) >= 0 and memory in memories:
            raise ReblurError(f"{call.op} writes value {call.output} over one that it reads")
        write(call.output)
    for value_id in graph.outputs:
        read(value_id, "the output")
