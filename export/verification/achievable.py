"""What the float model itself reaches in the arithmetic of a file: the measure that the gates of networks go by.

A network of large weights loses more to rounding than one of small ones, and one that adds little to a picture has
little to lose it in: no fixed number of decibels fits every checkpoint. So the model answers each case once in double
precision, from which its float32 answer differs as a sound float32 file does, and once with weights and activations
rounded to half precision. For eight bits the measure is how far the restored picture is from the photograph.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from export.data.golden_cases import Case
from export.graphs.specs import GraphSpec
from export.recipes.targets import NETWORKS
from export.verification.metrics import ERRORS, METRICS
from runtime.system.arrays import FloatArray


def in_double(module: nn.Module) -> Callable[..., Tensor]:
    """The module in float64; takes float32 and gives it."""
    double = copy.deepcopy(module).double()

    def run(*inputs: Tensor) -> Tensor:
        result: Tensor = double(*(value.double() for value in inputs))
        return result.float()

    return run


def in_half(module: nn.Module) -> Callable[..., Tensor]:
    """The module with weights, and what its layers answer, rounded to float16; sums stay float32."""
    rounded = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.half())
    for layer in rounded.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, inputs, output: output.half().float())
    return rounded


ARITHMETIC: dict[str, Callable[[nn.Module], Callable[..., Tensor]]] = {"fp32": in_double, "fp16": in_half}


def with_achieved(case: Case, spec: GraphSpec) -> Case:
    """The case with what the float model reaches; as it is where its graph holds no network.

    Args:
        case: answered at every pixel.
        spec: its graph, with the float weights.
    """
    if spec.name not in (*NETWORKS, "fused"):
        return case
    inputs = [torch.from_numpy(case.inputs[tensor.name]) for tensor in spec.inputs]
    with torch.no_grad():
        answers = {name: change(spec.module)(*inputs).numpy() for name, change in ARITHMETIC.items()}
    achieved = {name: _figures(case, answer) for name, answer in answers.items()}
    if spec.name == "deblur":
        achieved["int8"] = _figures(case, case.inputs["image"], ["psnr_db"])
    return dataclasses.replace(case, achieved=achieved)


def _figures(case: Case, answer: FloatArray, metrics: Sequence[str] = ()) -> Mapping[str, float]:
    is_map = case.graph == "defocus"
    asked = metrics or [metric for metric in ERRORS if metric.endswith("_px") is is_map]
    figures = {metric: METRICS[metric](case, answer) for metric in asked}
    return {metric: value for metric, value in figures.items() if math.isfinite(value)}
