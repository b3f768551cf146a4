"""What the runtime would refuse or compute wrongly, on graphs made by hand."""

from __future__ import annotations

import pytest
import torch

from export.interpreters.vulkan.checks import check_graph
from export.interpreters.vulkan.values import CHANNELS_PACKED, Call, IdList, Value, VkGraph, VkTensor

WIDTH_PACKED = "TENSOR_WIDTH_PACKED"


def tensor(memory: int = -1, layout: str = CHANNELS_PACKED) -> VkTensor:
    return VkTensor(dtype="FLOAT16", shape=(1, 1, 2, 2), memory=memory, layout=layout)


def chain(*values: Value, calls: tuple[tuple[str, tuple[int, ...], int], ...]) -> VkGraph:
    """A graph from value 0 to the output of the last call."""
    made = tuple(Call(op=op, arguments=arguments, output=output) for op, arguments, output in calls)
    return VkGraph(values=values, calls=made, inputs=(0,), outputs=(calls[-1][2],))


def test_memory_may_be_shared_one_after_the_other() -> None:
    check_graph(
        chain(
            tensor(0),
            tensor(1),
            tensor(0),
            tensor(1),
            calls=(("aten.exp.default", (0,), 1), ("aten.sqrt.default", (1,), 2), ("aten.neg.default", (2,), 3)),
        )
    )


def test_a_read_after_another_tensor_took_the_memory() -> None:
    graph = chain(
        tensor(0),
        tensor(1),
        tensor(0),
        tensor(2),
        calls=(
            ("aten.exp.default", (0,), 1),
            ("aten.sqrt.default", (1,), 2),
            ("aten.minimum.default", (0, 2), 3),
        ),
    )
    with pytest.raises(ValueError, match=r"aten\.minimum\.default reads value 0, whose memory value 2 has taken"):
        check_graph(graph)


def test_an_output_that_was_overwritten() -> None:
    graph = chain(
        tensor(0), tensor(1), tensor(0), calls=(("aten.exp.default", (0,), 1), ("aten.sqrt.default", (1,), 2))
    )
    overwritten = VkGraph(values=graph.values, calls=graph.calls, inputs=graph.inputs, outputs=(0,))
    with pytest.raises(ValueError, match="the output reads value 0, whose memory value 2 has taken"):
        check_graph(overwritten)


def test_an_op_in_its_own_memory() -> None:
    with pytest.raises(ValueError, match=r"aten\.exp\.default writes value 1 over one that it reads"):
        check_graph(chain(tensor(0), tensor(0), calls=(("aten.exp.default", (0,), 1),)))


def test_a_read_before_the_write() -> None:
    values = (tensor(), tensor(), IdList((0, 1)), 1, tensor())
    with pytest.raises(ValueError, match=r"aten\.cat\.default reads value 1 before it is written"):
        check_graph(chain(*values, calls=(("aten.cat.default", (2, 3), 4),)))


def test_mixed_layouts_are_for_clones_only() -> None:
    values = (tensor(), tensor(layout=WIDTH_PACKED))
    check_graph(chain(*values, calls=(("aten.clone.default", (0,), 1),)))
    with pytest.raises(ValueError, match="mixes the layouts TENSOR_CHANNELS_PACKED, TENSOR_WIDTH_PACKED"):
        check_graph(chain(*values, calls=(("aten.exp.default", (0,), 1),)))


def test_a_convolution_is_packed_by_channels() -> None:
    weight = VkTensor(dtype="FLOAT16", shape=(1, 1, 1, 1), layout="DEFAULT_LAYOUT", constant=torch.ones(1, 1, 1, 1))
    for layout in (CHANNELS_PACKED, WIDTH_PACKED):
        values = (tensor(layout=layout), weight, None, (1, 1), (0, 0), False, 1, tensor(layout=layout))
        graph = chain(*values, calls=(("aten.convolution.default", (0, 1, 2, 3, 4, 3, 5, 4, 6), 7),))
        if layout == CHANNELS_PACKED:
            check_graph(graph)
        else:
            with pytest.raises(ValueError, match="needs TENSOR_CHANNELS_PACKED, but has TENSOR_WIDTH_PACKED"):
                check_graph(graph)


def test_what_is_no_tensor_is_named() -> None:
    with pytest.raises(ValueError, match="value 1 should be a tensor, but is 3"):
        check_graph(chain(tensor(), 3, calls=(("aten.exp.default", (0,), 1),)))
