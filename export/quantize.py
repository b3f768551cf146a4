"""Quantisation to int8: what is quantised, what stays float, and the ranges of the activations.

All int8 targets follow one rule. Weights are symmetric and per channel, activations asymmetric and per tensor.
These stay float:

| graph | float | why |
|---|---|---|
| defocus | the first two convolutions, unless the weights were fine-tuned for int8 (``train.qat``) | small blurs show in differences of a few code values, which eight bits for the stem's range round away: they make up most of the map's error |
| | the sigmoid and the scale to pixels | eight bits for the sigmoid's result step by 1/256 of the largest sigma, wherever the map is smooth |
| deblur | the fade-in, the residual add and the clamp | the picture passes beside the network in full precision; eight bits for the sum would floor the result at 59 dB, whatever the network says |
| refocus | all of it | the weights of a Gaussian span five decades |

The heads are quantised: in float they would gain little, at the finest resolution and hence dearly.

Ranges are the smallest and largest value seen over all samples. The tools' own defaults, a moving average over
the samples or a histogram that clips, give the rare large activation away, and with it the strongest edges.
"""  # noqa: E501  (a table)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from train.fake_quant import FLOAT_FIRST_CONVS as FINE_TUNED_FLOAT_FIRST_CONVS

Samples = Sequence[tuple[Tensor, ...]]
"""Representative inputs: for each sample one (B, C, H, W) tensor for each input of the graph."""

FLOAT_FIRST_CONVS: dict[bool, dict[str, int]] = {False: {"defocus": 2, "deblur": 0}, True: FINE_TUNED_FLOAT_FIRST_CONVS}
"""Whether the weights were fine-tuned for int8 -> graph -> how many convolutions at its start stay float; whatever
comes after its head does in any case."""
FIRST_OPERATOR = "CONV_2D"
HEAD_OPERATOR = "TRANSPOSE_CONV"
"""The last operator of this kind is the network's head."""


def quantize_tflite(
    model: bytes, signature: str, feeds: Sequence[Mapping[str, np.ndarray]], float_first_convs: int = 0
) -> bytes:
    """Quantise a float TFLite model; inputs and outputs stay float32.

    Args:
        model: the float file.
        signature: its signature.
        feeds: representative inputs, (B, H, W, C) float32 by the signature's names.
        float_first_convs: convolutions at the start that stay float.

    Returns:
        The quantised file.
    """
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    worker = quantizer.Quantizer(bytearray(model))
    worker.load_quantization_recipe(recipe.static_wi8_ai8())
    kept_float = [(".*", TFLOperationName.INPUT), (".*", TFLOperationName.OUTPUT)]
    kept_float += [
        (f"^{re.escape(name)};?$", TFLOperationName.ALL_SUPPORTED) for name in _float_names(model, float_first_convs)
    ]
    for pattern, operation in kept_float:
        worker.update_quantization_recipe(pattern, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = _activation_ranges(model, signature, feeds)
    result = worker.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _activation_ranges(model: bytes, signature: str, feeds: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Smallest and largest value of every tensor over all samples."""
    from ai_edge_quantizer import calibrator, recipe, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    everything = recipe_manager.RecipeManager()
    everything.load_quantization_recipe(recipe.static_wi8_ai8())
    worker = calibrator.Calibrator(bytearray(model), num_threads=2, qsv_update_func=qsv_utils.min_max_update)
    worker.calibrate({signature: [dict(feed) for feed in feeds]}, everything)
    ranges: dict[str, Any] = worker.get_model_qsvs()
    return ranges


def _float_names(model: bytes, float_first_convs: int) -> list[str]:
    """Names of the tensors put out by the first convolutions and by what comes after the network's head.

    Raises:
        ValueError: there is no head, so the rule of this file has nothing to hold on to.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(model, 0)
    (graph,) = content.subgraphs
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in content.operatorCodes]

    def positions(operator: str) -> list[int]:
        wanted = getattr(schema.BuiltinOperator, operator)
        return [i for i, op in enumerate(graph.operators) if codes[op.opcodeIndex] == wanted]

    heads = positions(HEAD_OPERATOR)
    if not heads:
        raise ValueError(f"int8 needs a network that ends in a {HEAD_OPERATOR}; this graph has none")
    first = [0, *(i + 1 for i in positions(FIRST_OPERATOR))][float_first_convs]
    kept = [*graph.operators[:first], *graph.operators[heads[-1] + 1 :]]
    return [graph.tensors[op.outputs[0]].name.decode() for op in kept]
