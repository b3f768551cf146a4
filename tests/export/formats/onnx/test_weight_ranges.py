from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array

from export.formats.onnx.weight_ranges import scales_of

LARGEST_PRODUCT_SUM = 2**15 - 1
"""What 16 bits hold."""


def neighbours(weight: np.ndarray) -> list[int]:
    """For either order of a kernel's channels the largest sum of two neighbours' sizes."""
    size = np.abs(weight.astype(int))
    orders = (size.reshape(len(size), -1), size.transpose(0, 2, 3, 1).reshape(len(size), -1))
    return [int((order[:, :-1] + order[:, 1:]).max(initial=0)) for order in orders]


@pytest.mark.parametrize("name", ["defocus_int8", "deblur_int8"])
def test_no_sum_of_two_products_overflows_in_a_saved_file(small_export: Path, name: str) -> None:
    graph = onnx.load(small_export / f"{name}.onnx").graph
    tensors = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv" and node.input[1] in makers]
    weights = [tensors[makers[node.input[1]].input[0]] for node in convolutions]
    assert len(weights) > 2
    for weight in weights:
        assert weight.dtype == np.int8
        assert 255 * max(neighbours(weight)) <= LARGEST_PRODUCT_SUM
    assert max(np.abs(weight.astype(int)).max() for weight in weights) > 64


def test_a_channel_takes_all_bits_where_its_largest_weights_lie_apart() -> None:
    apart = np.zeros((1, 1, 1, 4), np.float32)
    apart[..., 0], apart[..., 3] = 1.0, -1.0
    beside = np.zeros((1, 1, 1, 4), np.float32)
    beside[..., 0], beside[..., 1] = 1.0, -1.0
    assert scales_of(apart)[0] == pytest.approx(1.0 / 127.0)
    assert scales_of(beside)[0] == pytest.approx(2.0 / 127.5)


def test_neighbours_are_those_of_both_orders() -> None:
    weight = np.zeros((2, 2, 1, 3), np.float32)
    weight[0, :, 0, 1] = 1.0  # neighbours where channels come last
    weight[1, 0, 0, :2] = 1.0  # where they come first
    assert scales_of(weight) == pytest.approx([2.0 / 127.5] * 2)
