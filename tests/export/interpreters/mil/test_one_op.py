"""Each op in a program of its own, built with coremltools, against torch: in fp32 and with fp16 rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.mil import MilProgram
from export.interpreters.mil.ops import OPS
from export.interpreters.mil.ops.constexpr import CONSTEXPR_OPS
from export.interpreters.mil.quiet import quiet

SHAPE = (1, 4, 6, 8)
# Weights are whole eighths, which both precisions hold exactly.
KERNEL = (torch.arange(3 * 4 * 3 * 3) % 7 - 3).reshape(3, 4, 3, 3) / 8
UP = (torch.arange(4 * 3 * 2 * 2) % 7 - 3).reshape(4, 3, 2, 2) / 8
MATRIX = (torch.arange(5 * 8) % 7 - 3).reshape(5, 8) / 8
BIAS = torch.tensor([0.125, -0.25, 0.375])
RTOL = {"fp32": 2e-6, "fp16": 1e-3}
"""One unit in the last place of fp16: sums are rounded once, but may be added in another order."""


class Case(NamedTuple):
    """An op as MIL writes it, and what torch makes of the same numbers."""

    build: Callable[[Any, Callable[[Tensor | float], np.ndarray], Any, Any], Any]
    expected: Callable[[Tensor, Tensor], Tensor]


def unary(name: str, expected: Callable[[Tensor], Tensor]) -> Case:
    return Case(lambda mb, c, x, y: getattr(mb, name)(x=x), lambda x, y: expected(x))


def binary(name: str, expected: Callable[[Tensor, Tensor], Tensor]) -> Case:
    return Case(lambda mb, c, x, y: getattr(mb, name)(x=x, y=y), expected)


def quantized(x: Tensor) -> Tensor:
    return torch.clamp(torch.round(x / 0.125) + 3, -128, 127)


CASES: dict[str, Case] = {
    "abs": unary("abs", torch.abs),
    "add": binary("add", torch.add),
    "avg_pool": Case(
        lambda mb, c, x, y: mb.avg_pool(
            x=x,
            kernel_sizes=[3, 3],
            strides=[2, 2],
            pad_type="custom",
            pad=[1, 1, 1, 1],
            exclude_padding_from_average=True,
        ),
        lambda x, y: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ),
    "cast": Case(lambda mb, c, x, y: mb.cast(x=x, dtype="int32"), lambda x, y: x.trunc()),
    "clip": Case(lambda mb, c, x, y: mb.clip(x=x, alpha=c(-0.5), beta=c(0.5)), lambda x, y: x.clamp(-0.5, 0.5)),
    "concat": Case(lambda mb, c, x, y: mb.concat(values=[x, y], axis=1), lambda x, y: torch.cat([x, y], 1)),
    "conv": Case(
        lambda mb, c, x, y: mb.conv(x=x, weight=c(KERNEL), bias=c(BIAS), pad_type="custom", pad=[1, 1, 1, 1]),
        lambda x, y: F.conv2d(x, KERNEL, BIAS, padding=1),
    ),
    "conv_transpose": Case(
        lambda mb, c, x, y: mb.conv_transpose(x=x, weight=c(UP), bias=c(BIAS), strides=[2, 2]),
        lambda x, y: F.conv_transpose2d(x, UP, BIAS, 2),
    ),
    "dequantize": Case(
        lambda mb, c, x, y: mb.dequantize(
            input=mb.quantize(input=x, scale=c(0.125), zero_point=np.int8(3), output_dtype="int8"),
            scale=c(0.125),
            zero_point=np.int8(3),
        ),
        lambda x, y: (quantized(x) - 3) * 0.125,
    ),
    "erf": unary("erf", torch.erf),
    "exp": unary("exp", torch.exp),
    "expand_dims": Case(lambda mb, c, x, y: mb.expand_dims(x=x, axes=[0, -1]), lambda x, y: x[None, ..., None]),
    "floor": unary("floor", torch.floor),
    "gelu": unary("gelu", F.gelu),
    "gelu_tanh": Case(
        lambda mb, c, x, y: mb.gelu(x=x, mode="TANH_APPROXIMATION"), lambda x, y: F.gelu(x, approximate="tanh")
    ),
    "greater": binary("greater", lambda x, y: (x > y).float()),
    "greater_equal": binary("greater_equal", lambda x, y: (x >= y).float()),
    "identity": unary("identity", lambda x: x),
    "inverse": Case(lambda mb, c, x, y: mb.inverse(x=x, epsilon=c(0.0)), lambda x, y: 1.0 / x),
    "layer_norm": Case(
        lambda mb, c, x, y: mb.layer_norm(x=x, axes=[-1], gamma=c(MATRIX[0]), beta=c(MATRIX[1]), epsilon=c(2.0**-10)),
        lambda x, y: F.layer_norm(x, [8], MATRIX[0], MATRIX[1], 2.0**-10),
    ),
    "leaky_relu": Case(lambda mb, c, x, y: mb.leaky_relu(x=x, alpha=c(0.25)), lambda x, y: F.leaky_relu(x, 0.25)),
    "less": binary("less", lambda x, y: (x < y).float()),
    "less_equal": binary("less_equal", lambda x, y: (x <= y).float()),
    "linear": Case(lambda mb, c, x, y: mb.linear(x=x, weight=c(MATRIX)), lambda x, y: F.linear(x, MATRIX)),
    "log": Case(lambda mb, c, x, y: mb.log(x=mb.abs(x=x), epsilon=c(0.5)), lambda x, y: torch.log(x.abs() + 0.5)),
    "matmul": Case(lambda mb, c, x, y: mb.matmul(x=x, y=y, transpose_y=True), lambda x, y: x @ y.transpose(-1, -2)),
    "max_pool": Case(
        lambda mb, c, x, y: mb.max_pool(x=x, kernel_sizes=[3, 2], strides=[1, 2], pad_type="custom", pad=[1, 1, 0, 0]),
        lambda x, y: F.max_pool2d(x, (3, 2), (1, 2), (1, 0)),
    ),
    "maximum": binary("maximum", torch.maximum),
    "minimum": binary("minimum", torch.minimum),
    "mul": binary("mul", torch.mul),
    "pad": Case(
        lambda mb, c, x, y: mb.pad(x=x, pad=[0, 0, 0, 0, 1, 2, 3, 4], mode="reflect"),
        lambda x, y: F.pad(x, (3, 4, 1, 2), mode="reflect"),
    ),
    "pixel_shuffle": Case(
        lambda mb, c, x, y: mb.pixel_shuffle(x=x, upscale_factor=2), lambda x, y: F.pixel_shuffle(x, 2)
    ),
    "pixel_unshuffle": Case(
        lambda mb, c, x, y: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2)), lambda x, y: F.pixel_unshuffle(x, 2)
    ),
    "pow": Case(lambda mb, c, x, y: mb.pow(x=mb.abs(x=x), y=c(1.5)), lambda x, y: x.abs() ** 1.5),
    "quantize": Case(
        lambda mb, c, x, y: mb.quantize(input=x, scale=c(0.125), zero_point=np.int8(3), output_dtype="int8"),
        lambda x, y: quantized(x),
    ),
    "real_div": binary("real_div", torch.div),
    "reduce_max": Case(lambda mb, c, x, y: mb.reduce_max(x=x, axes=[1]), lambda x, y: x.amax(1)),
    "reduce_mean": Case(
        lambda mb, c, x, y: mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True), lambda x, y: x.mean((2, 3), keepdim=True)
    ),
    "reduce_min": Case(lambda mb, c, x, y: mb.reduce_min(x=x, axes=[1]), lambda x, y: x.amin(1)),
    "reduce_sum": Case(lambda mb, c, x, y: mb.reduce_sum(x=x, axes=[1]), lambda x, y: x.sum(1)),
    "relu": unary("relu", torch.relu),
    "relu6": unary("relu6", F.relu6),
    "reshape": Case(lambda mb, c, x, y: mb.reshape(x=x, shape=[1, 2, 2, 48]), lambda x, y: x.reshape(1, 2, 2, 48)),
    "resize_bilinear": Case(
        lambda mb, c, x, y: mb.resize_bilinear(
            x=x, target_size_height=9, target_size_width=20, sampling_mode="UNALIGN_CORNERS"
        ),
        lambda x, y: F.interpolate(x, (9, 20), mode="bilinear", align_corners=False),
    ),
    "rsqrt": Case(
        lambda mb, c, x, y: mb.rsqrt(x=mb.abs(x=x), epsilon=c(0.25)), lambda x, y: torch.rsqrt(x.abs() + 0.25)
    ),
    "select": Case(
        lambda mb, c, x, y: mb.select(cond=mb.less(x=x, y=y), a=x, b=y), lambda x, y: torch.where(x < y, x, y)
    ),
    "sigmoid": unary("sigmoid", torch.sigmoid),
    "silu": unary("silu", F.silu),
    "slice_by_index": Case(
        lambda mb, c, x, y: mb.slice_by_index(x=x, begin=[0, 1, 1, 0], end=[1, 3, 6, 8], stride=[1, 1, 2, 1]),
        lambda x, y: x[:, 1:3, 1:6:2],
    ),
    "softmax": Case(lambda mb, c, x, y: mb.softmax(x=x, axis=1), lambda x, y: x.softmax(1)),
    "softplus": unary("softplus", F.softplus),
    "split": Case(lambda mb, c, x, y: mb.split(x=x, split_sizes=[1, 3], axis=1)[1], lambda x, y: x[:, 1:]),
    "sqrt": Case(lambda mb, c, x, y: mb.sqrt(x=mb.abs(x=x)), lambda x, y: x.abs().sqrt()),
    "square": unary("square", torch.square),
    "squeeze": Case(lambda mb, c, x, y: mb.squeeze(x=x, axes=[0]), lambda x, y: x[0]),
    "stack": Case(lambda mb, c, x, y: mb.stack(values=[x, y], axis=1), lambda x, y: torch.stack([x, y], 1)),
    "sub": binary("sub", torch.sub),
    "tanh": unary("tanh", torch.tanh),
    "transpose": Case(lambda mb, c, x, y: mb.transpose(x=x, perm=[0, 2, 3, 1]), lambda x, y: x.permute(0, 2, 3, 1)),
    "upsample_bilinear": Case(
        lambda mb, c, x, y: mb.upsample_bilinear(
            x=x, scale_factor_height=2.0, scale_factor_width=2.0, align_corners=False
        ),
        lambda x, y: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    ),
    "upsample_nearest_neighbor": Case(
        lambda mb, c, x, y: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2.0, scale_factor_width=3.0),
        lambda x, y: x.repeat_interleave(2, 2).repeat_interleave(3, 3),
    ),
}


def write_package(case: Case, precision: str, path: Path) -> None:
    """The case as a saved package, past coremltools' optimiser, which would drop ops such as ``identity``."""
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb
        from coremltools.converters.mil.backend.mil.load import MILProtoExporter
        from coremltools.converters.mil.mil import types
        from coremltools.proto import Model_pb2

        dtype, stored = {"fp32": (types.fp32, np.float32), "fp16": (types.fp16, np.float16)}[precision]
        specs = [mb.TensorSpec(shape=SHAPE, dtype=dtype) for _ in range(2)]
        program = mb.program(input_specs=specs, opset_version=ct.target.iOS17)(
            lambda x, y: case.build(mb, lambda value: np.asarray(value, stored), x, y)
        )
        folder = path / "Data" / "com.apple.CoreML"
        (folder / "weights").mkdir(parents=True)
        proto = MILProtoExporter(program, str(folder / "weights"), 8).export()
    model = Model_pb2.Model(specificationVersion=8, mlProgram=proto)
    (folder / "model.mlmodel").write_bytes(model.SerializeToString())
    manifest = {
        "rootModelIdentifier": "model",
        "itemInfoEntries": {"model": {"path": "com.apple.CoreML/model.mlmodel"}},
    }
    (path / "Manifest.json").write_text(json.dumps(manifest))


def test_every_known_op_has_a_case() -> None:
    covered = {name.removesuffix("_tanh") for name in CASES}
    assert covered == set(OPS) - set(CONSTEXPR_OPS)  # those are in test_compressed.py


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", list(CASES))
def test_op_agrees_with_torch(name: str, precision: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.mlpackage"
    write_package(CASES[name], precision, path)
    program = MilProgram.load(path)
    assert name.removesuffix("_tanh") in program.op_counts
    assert sum(program.op_counts.values()) <= 2
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(SHAPE, generator=generator) * 2.0 for _ in range(2))
    if precision == "fp16":
        x, y = x.half().float(), y.half().float()
    expected = CASES[name].expected(x, y)
    if precision == "fp16":
        expected = expected.half().float()
    (result,) = program.run({"x": x.numpy(), "y": y.numpy()}, precision).values()
    assert result.shape == tuple(expected.shape)
    np.testing.assert_allclose(result, expected.numpy(), rtol=RTOL[precision], atol=RTOL[precision])
    if precision == "fp16":
        np.testing.assert_array_equal(result, result.astype(np.float16))
