"""int8 activations for a Core ML package: quantise and dequantise operators around what a phone may compute in int8.

coremltools chooses the places and writes the operators, but finds the ranges by running Core ML, which only macOS
has, and of its samples keeps the last one's range alone. Here they come from ``export.interpreters.mil``: the widest
range over the samples, each without its extremes where the settings say so.

Activations of one sign, which most are after a ReLU, use all 256 steps: the zero point is free. A symmetric scale
would give half of them away. Weights fine-tuned for int8 (``train.qat``)
do not help here: they were taught another set of places.

These stay float: the first convolutions, where the caller says so (``train.quantization.float_parts``), and whatever
comes from the last convolution on, that is the head, the residual add and the scale of a map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.formats.mlpackage.weights import CONVOLUTIONS
from export.interpreters.mil import MilProgram
from export.interpreters.mil.quiet import quiet, quiet_warnings
from runtime.system.errors import ReblurError

PASSES = (
    "compression::insert_prefix_quantize_dequantize_pair",
    "compression::insert_suffix_quantize_dequantize_pair",
    "common::dequantize_quantize_pair_elimination",
)
"""What coremltools' ``linear_quantize_activations`` applies."""


def float_operators(model: Any, float_first_convs: int) -> list[str]:
    """Names of the operators that stay float.

    Args:
        model: a coremltools ``MLModel`` just converted.
        float_first_convs: convolutions at the start that stay float.

    Raises:
        ReblurError: no convolution would be left to quantise.
    """
    operators = [op for op in model._mil_program.functions["main"].operations if op.op_type != "const"]
    convolutions = [i for i, op in enumerate(operators) if op.op_type in CONVOLUTIONS]
    if len(convolutions) <= float_first_convs + 1:
        raise ReblurError(
            f"int8 activations need more than {float_first_convs + 1} convolutions, but there are {len(convolutions)}"
        )
    first, head = convolutions[float_first_convs], convolutions[-1]
    return [str(op.name) for op in (*operators[:first], *operators[head:])]


def quantize_activations(
    model: Any,
    package: Path,
    samples: Sequence[Mapping[str, np.ndarray]],
    float_ops: Sequence[str],
    within: float = 1.0,
) -> Any:
    """The coremltools model with quantised activations, int8 with a zero point, one scale for a tensor.

    Args:
        model: an ``MLModel`` of fp16 arithmetic.
        package: the same, saved.
        samples: representative inputs, each as ``MilProgram.run`` takes them.
        float_ops: names of the operators that stay float.
        within: see ``MilProgram.ranges``.

    Raises:
        ReblurError: there is no sample, or a sample does not fit the model.
    """
    with quiet_warnings():
        import coremltools.optimize.coreml as tools
        from coremltools.converters.mil.frontend.milproto.load import load
        from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY
        from coremltools.models import utils as model_utils

    ranges = MilProgram.load(package).ranges(samples, within=within)
    config = tools.OptimizationConfig(
        global_config=tools.OpLinearQuantizerConfig(mode="linear", dtype="int8"),
        op_name_configs=dict.fromkeys(float_ops),
    )
    statistics = {name: {"rmin": low, "rmax": high} for name, (low, high) in ranges.items()}
    passes = [PASS_REGISTRY[name] for name in PASSES]
    for one in passes[:2]:
        one.config = config
        one.activation_stats = statistics
    with quiet():
        version = model.get_spec().specificationVersion
        return model_utils._apply_graph_pass(
            model, passes, spec_version=version, skip_model_load=True, pymil_load_func=load
        )
