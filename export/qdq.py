"""Quantises a float ONNX model to int8, by the rule of ``export.quantize``.

The file stays a float graph with pairs of QuantizeLinear and DequantizeLinear between its operators (QDQ); the
runtime that loads it puts integer kernels in their place where it has them. onnxruntime has none for the transposed
convolution, which therefore runs in float between two such pairs.

Weights are signed and take 7 of their 8 bits; activations are unsigned and take all 8. With 8 bits for both, a sum of
two products can exceed 16 bits (255 * 64 * 2 fits, 255 * 127 * 2 does not). x86 processors without VNNI add in 16 bits
with saturation, so the file would answer otherwise there. Telling onnxruntime to be exact makes it half as fast.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

FIRST_OPERATOR = "Conv"
HEAD_OPERATOR = "ConvTranspose"
"""The last operator of this kind is the network's head."""
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"

Feed = Mapping[str, np.ndarray]
"""An input of the model: (B, C, H, W) float32 by name."""


def quantize_onnx(model: ModelProto, feeds: Sequence[Feed], float_first_convs: int = 0) -> ModelProto:
    """Quantise a float model; inputs and outputs stay float32.

    Args:
        model: the float model; left as it is.
        feeds: representative inputs.
        float_first_convs: convolutions at the start that stay float.

    Returns:
        The quantised model.

    Raises:
        ValueError: the graph does not end in a head, so the rule has nothing to hold on to.
    """
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        """Hands out the representative inputs one by one."""

        def __init__(self) -> None:
            self._feeds = iter(feeds)

        def get_next(self) -> dict[str, np.ndarray] | None:
            """The next input; None after the last."""
            feed = next(self._feeds, None)
            return None if feed is None else dict(feed)

    kept_float = _float_names(model, float_first_convs)
    own = onnx.ModelProto()
    own.CopyFrom(model)  # the quantiser moves the weights of what it is given into a file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            own, str(path), Reader(), quant_format=quantization.QuantFormat.QDQ,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            per_channel=True, weight_type=quantization.QuantType.QInt8, activation_type=quantization.QuantType.QUInt8,
            reduce_range=True, nodes_to_exclude=kept_float,
        )  # fmt: skip
        quantized = onnx.load(str(path))
    _keep_float_inputs(quantized, set(kept_float))
    return quantized


def _float_names(model: ModelProto, float_first_convs: int) -> list[str]:
    """Names of the operators up to the first convolutions that stay float, and of those after the network's head."""
    nodes = list(model.graph.node)
    heads = [i for i, node in enumerate(nodes) if node.op_type == HEAD_OPERATOR]
    if not heads:
        raise ValueError(f"int8 needs a network that ends in a {HEAD_OPERATOR}; this graph has none")
    convs = [i for i, node in enumerate(nodes) if node.op_type == FIRST_OPERATOR]
    # A convolution and its ReLU are one quantised operator, so the ReLU goes with it.
    ends = [i + 2 if nodes[i + 1].op_type == "Relu" else i + 1 for i in convs]
    first = [convs[0] if convs else 0, *ends][float_first_convs]
    return [node.name for node in (*nodes[:first], *nodes[heads[-1] + 1 :])]


def _keep_float_inputs(model: ModelProto, kept_float: set[str]) -> None:
    """Let float operators read what float operators and inputs give, not a quantised copy of it.

    The quantiser hands the copy that it makes for quantised readers to all others as well. onnxruntime would even
    take a convolution on such a copy for one to quantise, weights included.
    """
    makers = {output: node for node in model.graph.node for output in node.output}
    inputs = {tensor.name for tensor in model.graph.input}

    def source(name: str) -> str:
        """The tensor that ``name`` is a quantised copy of, if that is a float one; else ``name``."""
        dequantize = makers.get(name)
        if dequantize is None or dequantize.op_type != DEQUANTIZE:
            return name
        quantize: NodeProto | None = makers.get(dequantize.input[0])
        if quantize is None or quantize.op_type != QUANTIZE:
            return name
        original = quantize.input[0]
        is_float = original in inputs or (original in makers and makers[original].name in kept_float)
        return original if is_float else name

    for node in model.graph.node:
        if node.name in kept_float:
            node.input[:] = [source(name) for name in node.input]
