"""Scales of int8 weights that use as much of the 8 bits as no processor's sums can overflow.

x86 processors without VNNI multiply unsigned activations with signed weights and add two neighbouring products in 16
bits, with saturation: 255 * (|a| + |b|) must stay within 32767, so |a| + |b| within 128. Halving all weights (7 bits)
sees to that whatever the weights; but the two largest of a channel are hardly ever neighbours, and most need less.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

    from runtime.system.arrays import FloatArray

LARGEST = 127.0
LARGEST_PAIR = 127.5
"""Of two neighbours before they are rounded: each may gain a half, and 255 * 128 fits in 16 bits."""
OPERATOR = "Conv"
"""The one that is computed in integers."""


def weight_overrides(
    model: ModelProto, kept_float: Collection[str], per_channel: bool
) -> dict[str, list[dict[str, Any]]]:
    """Scales of the weights of the convolutions that are quantised, as onnxruntime's quantiser takes them.

    Args:
        model: the float model.
        kept_float: names of the operators that stay float.
        per_channel: whether each output channel has a scale of its own.
    """
    from onnx.numpy_helper import to_array

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found: dict[str, list[dict[str, Any]]] = {}
    for node in model.graph.node:
        if node.op_type != OPERATOR or node.name in kept_float:
            continue
        scales = scales_of(to_array(weights[node.input[1]]))
        entries = [{"scale": scale, "zero_point": np.int8(0)} for scale in (scales if per_channel else [scales.max()])]
        found[node.input[1]] = [{"axis": 0, **entry} for entry in entries] if per_channel else entries
    return found


def scales_of(weight: FloatArray) -> FloatArray:
    """The smallest scale of each output channel.

    Args:
        weight: (O, I, H, W).

    Returns:
        (O,): what one step of the integers stands for.
    """
    size = np.abs(weight)
    scales = size.max((1, 2, 3)) / LARGEST
    # A kernel may read the picture's channels last or first: neighbours are those of either order.
    for order in (size.reshape(len(size), -1), size.transpose(0, 2, 3, 1).reshape(len(size), -1)):
        pairs = order[:, :-1] + order[:, 1:]
        scales = np.maximum(scales, pairs.max(1, initial=0.0) / LARGEST_PAIR)
    return scales
