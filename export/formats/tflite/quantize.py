"""Quantisation to int8: what is quantised, what stays float, and the ranges of the activations.

All int8 targets follow one rule, ``train.quantization.float_parts``. Weights are symmetric, activations asymmetric and per tensor.
These stay float:

| graph | float | why |
|---|---|---|
| defocus | the first two convolutions, unless the weights were fine-tuned for int8 (``train.qat``) | small blurs show in differences of a few code values, which eight bits for the stem's range round away: they make up most of the map's error |
| | the sigmoid and the scale to pixels | eight bits for the sigmoid's result step by 1/256 of the largest sigma, wherever the map is smooth |
| deblur | the fade-in, the residual add and the clamp | the picture passes beside the network in full precision; eight bits for the sum would floor the result at 59 dB, whatever the network says |
| refocus | all of it | the weights of a Gaussian span five decades |
| fused | as in the three by themselves, and what lies between the networks | |

The rest is settled by trying: ``export.search`` measures candidates, and ``export/recipes/quantization.json`` keeps its choice.
"""  # noqa: E501  (a table)

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from export.data.widest_ranges import Range, widened
from export.formats.tflite.flatbuffer import is_constant, kind_of, read_model, schema
from runtime.system.errors import ReblurError
from train.quantization.float_parts import NetworkPlace, float_positions
from train.quantization.settings import Int8Settings, percentile_of

Feed = Mapping[str, np.ndarray]
"""Representative inputs of a TFLite file by name, as the file takes them."""

UNET, HEAD = "train.networks.unet.UNet_", "_head"
"""What the converter writes in the names of tensors that were computed in a U-Net, and in its head."""


def quantize_tflite(model: bytes, signature: str, feeds: Sequence[Feed], settings: Int8Settings) -> bytes:
    """Quantise a float TFLite model; inputs and outputs stay float32.

    Args:
        model: the float file, with the tensor names that the converter gave it.
        signature: its signature.
        feeds: representative inputs.
        settings: what stays float, and the ranges.

    Returns:
        The quantised file.

    Raises:
        ReblurError: there is no network in it, or the tool has no such ranges.
    """
    from ai_edge_quantizer import qtyping, quantizer, recipe_manager
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    granularity = qtyping.QuantGranularity.CHANNELWISE if settings.per_channel else qtyping.QuantGranularity.TENSORWISE
    rules = recipe_manager.RecipeManager()
    rules.add_static_config(
        regex=".*",
        operation_name=TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
        weight_granularity=granularity,
    )
    everything = rules.get_quantization_recipe()
    worker = quantizer.Quantizer(bytearray(model))
    worker.load_quantization_recipe(everything)
    kept_float = [(".*", TFLOperationName.INPUT), (".*", TFLOperationName.OUTPUT)]
    kept_float += [(f"^{re.escape(name)};?$", TFLOperationName.ALL_SUPPORTED) for name in _float_names(model, settings)]
    for pattern, operation in kept_float:
        worker.update_quantization_recipe(pattern, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = _activation_ranges(model, signature, feeds, everything, settings.ranges)
    result = worker.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _activation_ranges(model: bytes, signature: str, feeds: Sequence[Feed], rules: Any, ranges: str) -> dict[str, Any]:
    """Range of every tensor over all samples."""
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    fraction = percentile_of(ranges)
    updates = {"min-max": qsv_utils.min_max_update, "moving-average": qsv_utils.moving_average_update}
    if fraction is None and ranges not in updates:
        raise ReblurError(f"ai-edge-quantizer has no {ranges} ranges: choose from {', '.join(updates)} or a percentile")
    everything = recipe_manager.RecipeManager()
    everything.load_quantization_recipe(rules)
    update = updates.get(ranges, qsv_utils.min_max_update)
    worker = calibrator.Calibrator(bytearray(model), num_threads=2, qsv_update_func=update)
    worker.calibrate({signature: [dict(feed) for feed in feeds]}, everything)
    found: dict[str, Any] = worker.get_model_qsvs()
    if fraction is not None:
        for name, low, high in _percentiles(model, signature, feeds, fraction):
            if name in found:
                shape = np.shape(found[name]["min"])
                found[name] |= {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}
    return found


def _percentiles(
    model: bytes, signature: str, feeds: Sequence[Feed], fraction: float
) -> Iterator[tuple[str, float, float]]:
    """Name of every computed tensor, and the widest percentiles of it over the samples."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = read_model(model)
    (graph,) = content.subgraphs
    interpreter = Interpreter(
        model_content=model,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    call = interpreter.get_signature_runner(signature)
    computed = [i for i, tensor in enumerate(graph.tensors) if not is_constant(content, tensor)]
    found: dict[int, Range] = {}
    for feed in feeds:
        call(**feed)
        for index in computed:
            found[index] = widened(found.get(index), interpreter.get_tensor(index), fraction)
    for index, (low, high) in found.items():
        yield graph.tensors[index].name.decode(), low, high


def _float_names(model: bytes, settings: Int8Settings) -> list[str]:
    """Names of the tensors that float operators put out."""
    content = read_model(model)
    (graph,) = content.subgraphs
    names = [graph.tensors[operator.outputs[0]].name.decode() for operator in graph.operators]
    kinds = [kind_of(content, operator) for operator in graph.operators]
    kept = float_positions(len(names), _networks(names, kinds), settings.float_first_convs, settings.float_head)
    return [names[place] for place in kept]


def _networks(names: Sequence[str], kinds: Sequence[int]) -> list[NetworkPlace]:
    """The U-Nets of a graph; one ends with its head, so the next U-Net operator begins another."""
    builtin = schema().BuiltinOperator
    inside = [i for i, name in enumerate(names) if UNET in name]
    heads = [i for i in inside if kinds[i] == builtin.TRANSPOSE_CONV and names[i].split(";")[0].endswith(HEAD)]
    places: list[NetworkPlace] = []
    for head in heads:
        previous = places[-1].end if places else 0
        own = [i for i in inside if previous <= i <= head]
        ends = tuple(i + 1 for i in own if kinds[i] == builtin.CONV_2D)
        places.append(NetworkPlace(start=own[0] if places else 0, conv_ends=ends, head=head, end=head + 1))
    return places
