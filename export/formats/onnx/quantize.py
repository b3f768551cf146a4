"""Quantises a float ONNX model to int8, by the rule of ``export.formats.tflite.quantize``.

The file stays a float graph with pairs of QuantizeLinear and DequantizeLinear between its operators (QDQ); the
runtime that loads it puts integer kernels in their place where it has them. onnxruntime has none for the transposed
convolution, which therefore runs in float between two such pairs.

Activations are unsigned, weights signed, and as large as leaves every processor's sums exact
(``export.formats.onnx.weight_ranges``). Unsigned weights would be exact too, at a third of the speed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.data.widest_ranges import Range, widened
from export.formats.onnx.weight_ranges import weight_overrides
from runtime.system.errors import ReblurError
from train.quantization.float_parts import NetworkPlace, float_positions
from train.quantization.settings import Int8Settings, percentile_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

FIRST_OPERATOR = "Conv"
HEAD_OPERATOR = "ConvTranspose"
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
OVERRIDES = "TensorQuantOverrides"
"""Onnxruntime's option for ranges of one's own."""

Feed = Mapping[str, np.ndarray]
"""An input of the model: (B, C, H, W) float32 by name."""


def quantize_onnx(model: ModelProto, feeds: Sequence[Feed], settings: Int8Settings) -> ModelProto:
    """Quantise a float model; inputs and outputs stay float32.

    Args:
        model: the float model; left as it is.
        feeds: representative inputs.
        settings: what stays float, and the ranges.

    Returns:
        The quantised model.

    Raises:
        ReblurError: the graph has no head, so the rule has nothing to hold on to, or the tool has no such ranges.
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

    kept_float = _float_names(model, settings)
    method, options = _calibration(model, feeds, settings.ranges)
    weights = weight_overrides(model, kept_float, settings.per_channel)
    own = onnx.ModelProto()
    own.CopyFrom(model)  # the quantiser moves the weights of what it is given into a file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            own,
            str(path),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            calibrate_method=method,
            extra_options={**options, OVERRIDES: options.get(OVERRIDES, {}) | weights},
            per_channel=settings.per_channel,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
            nodes_to_exclude=kept_float,
        )
        quantized = onnx.load(str(path))
    _keep_float_inputs(quantized, set(kept_float))
    return quantized


def _calibration(model: ModelProto, feeds: Sequence[Feed], ranges: str) -> tuple[Any, dict[str, Any]]:
    """Onnxruntime's method for these ranges, with its options.

    Percentiles are measured here: onnxruntime's own are of all samples at once, where one dark one counts for nothing.

    Raises:
        ReblurError: it has none.
    """
    from onnxruntime.quantization import CalibrationMethod

    fraction = percentile_of(ranges)
    if fraction is not None:
        overrides = {
            name: [{"rmin": np.float32(low), "rmax": np.float32(high)}]
            for name, low, high in _percentiles(model, feeds, fraction)
        }
        return CalibrationMethod.MinMax, {OVERRIDES: overrides}
    known: dict[str, tuple[Any, dict[str, Any]]] = {
        "min-max": (CalibrationMethod.MinMax, {}),
        "moving-average": (CalibrationMethod.MinMax, {"CalibMovingAverage": True}),
        "entropy": (CalibrationMethod.Entropy, {}),
    }
    if ranges not in known:
        raise ReblurError(f"onnxruntime has no {ranges} ranges: choose from {', '.join(known)} or a percentile")
    return known[ranges]


def _percentiles(model: ModelProto, feeds: Sequence[Feed], fraction: float) -> Iterator[tuple[str, float, float]]:
    """Name of every computed tensor and input, and the widest percentiles of it over the samples."""
    import onnx
    import onnxruntime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    answers = {output.name for output in watched.graph.output}
    computed = [name for node in watched.graph.node for name in node.output]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in computed if name not in answers)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: dict[str, Range] = {}
    for feed in feeds:
        values = dict(zip(computed, session.run(computed, dict(feed)), strict=True)) | dict(feed)
        for name, value in values.items():
            found[name] = widened(found.get(name), value, fraction)
    for name, (low, high) in found.items():
        yield name, low, high


def _float_names(model: ModelProto, settings: Int8Settings) -> list[str]:
    """Names of the operators that stay float."""
    nodes = list(model.graph.node)
    kept = float_positions(len(nodes), _networks(nodes), settings.float_first_convs, settings.float_head)
    return [nodes[place].name for place in kept]


def _networks(nodes: Sequence[NodeProto]) -> list[NetworkPlace]:
    """The networks of a graph; a head is a transposed convolution that no skip is added to.

    Raises:
        ReblurError: there is none.
    """
    added = {name for node in nodes if node.op_type == "Add" for name in node.input}
    heads = [i for i, node in enumerate(nodes) if node.op_type == HEAD_OPERATOR and node.output[0] not in added]
    if not heads:
        raise ReblurError(f"int8 needs a network that ends in a {HEAD_OPERATOR}; this graph has none")
    places: list[NetworkPlace] = []
    for head in heads:
        previous = places[-1].end if places else 0
        convs = [i for i in range(previous, head) if nodes[i].op_type == FIRST_OPERATOR]
        # A convolution and its ReLU are one quantised operator, so the ReLU goes with it.
        ends = tuple(i + 2 if nodes[i + 1].op_type == "Relu" else i + 1 for i in convs)
        places.append(NetworkPlace(start=convs[0] if convs else previous, conv_ends=ends, head=head, end=head + 1))
    return places


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
