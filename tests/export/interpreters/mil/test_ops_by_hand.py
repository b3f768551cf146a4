"""Ops and modes that torch's converter does not emit, with numbers from the MIL specification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.dtypes import Value
from export.interpreters.mil.ops import OPS
from export.interpreters.mil.quiet import quiet


def call(op_type: str, **values: Any) -> torch.Tensor:
    """The op's result; numbers and lists become tensors."""

    def as_value(value: Any) -> Value:
        return value if isinstance(value, str | torch.Tensor) else torch.tensor(value)

    result = OPS[op_type](Arguments({name: [as_value(value)] for name, value in values.items()}))
    assert isinstance(result, torch.Tensor)
    return result


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        ("UNALIGN_CORNERS", 5, [0.0, 0.1, 0.5, 0.9, 1.0]),
        ("STRICT_ALIGN_CORNERS", 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("ALIGN_CORNERS", 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("DEFAULT", 5, [0.0, 0.4, 0.8, 1.0, 1.0]),
        ("OFFSET_CORNERS", 5, [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("OFFSET_CORNERS", 6, [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]),
        ("ALIGN_CORNERS", 1, [0.5]),
        ("STRICT_ALIGN_CORNERS", 1, [0.0]),
    ],
)
def test_resize_samples_where_the_specification_says(mode: str, size: int, expected: list[float]) -> None:
    x = torch.tensor([[[[0.0, 1.0]]]])
    result = call("resize_bilinear", x=x, target_size_height=1, target_size_width=size, sampling_mode=mode)
    np.testing.assert_allclose(result[0, 0, 0].numpy(), expected, atol=1e-6)


def test_resize_and_square_in_a_saved_program(save_mil: Callable[..., Path], output: Callable[..., np.ndarray]) -> None:
    def body(mb: Any, x: Any) -> Any:
        larger = mb.resize_bilinear(x=x, target_size_height=5, target_size_width=12, sampling_mode="UNALIGN_CORNERS")
        return mb.square(x=larger)

    x = torch.rand(1, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, size=(5, 12), mode="bilinear", align_corners=False) ** 2
    np.testing.assert_allclose(output(save_mil(body, (1, 2, 4, 6)), x=x.numpy()), expected.numpy(), atol=1e-6)


def test_transposed_convolution_to_a_larger_output_shape() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.rand(1, 3, 5, 6, generator=generator), torch.rand(3, 2, 3, 3, generator=generator)
    bias = torch.tensor([1.0, -1.0])
    expected = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
    shape = list(expected.shape)
    result = call(
        "conv_transpose",
        x=x,
        weight=weight,
        bias=bias,
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        output_shape=shape,
    )
    torch.testing.assert_close(result, expected)
    beyond = call("conv_transpose", x=x, weight=weight, bias=bias, strides=[3, 3], output_shape=[1, 2, 16, 19])
    # Nothing reaches the rows and columns beyond the full extent of 15 x 18: they hold the bias.
    assert beyond[0, :, 15, 18].tolist() == [1.0, -1.0]
    torch.testing.assert_close(beyond[..., :15, :18], F.conv_transpose2d(x, weight, bias, stride=3))


def test_convolution_padded_on_one_side() -> None:
    x, weight = torch.arange(4.0).reshape(1, 1, 1, 4), torch.ones(1, 1, 1, 2)
    result = call("conv", x=x, weight=weight, pad_type="custom", pad=[0, 0, 1, 0])
    assert result.flatten().tolist() == [0.0, 1.0, 3.0, 5.0]


def test_slice_masks() -> None:
    x = torch.arange(12.0).reshape(3, 4)
    masked = call("slice_by_index", x=x, begin=[2, 1], end=[1, -1], begin_mask=[True, False], end_mask=[True, False])
    assert masked.tolist() == [[1.0, 2.0], [5.0, 6.0], [9.0, 10.0]]
    squeezed = call("slice_by_index", x=x, begin=[-1, 0], end=[0, 4], stride=[1, 2], squeeze_mask=[True, False])
    assert squeezed.tolist() == [8.0, 10.0]


def test_default_epsilons_are_those_of_mil() -> None:
    assert float(call("rsqrt", x=[0.0])) == pytest.approx(1e6)
    assert float(call("inverse", x=[0.0])) == pytest.approx(1e4)


@pytest.mark.parametrize(
    ("op_type", "values", "message"),
    [
        (
            "slice_by_index",
            {"x": [1.0], "begin": [0], "end": [1], "stride": [-1]},
            r"strides \[-1\] is not supported",
        ),
        ("concat", {"values": [1.0], "axis": 0, "interleave": True}, "interleave is not supported"),
        ("cast", {"x": [1.0], "dtype": "fp8"}, "cast to 'fp8' is not supported; these are: fp16, fp32"),
        ("pad", {"x": [1.0], "pad": [1, 1], "mode": "wrap"}, "pad mode 'wrap' is not known"),
        ("conv", {"x": torch.ones(1, 1, 4), "weight": torch.ones(1, 1, 3)}, "only 2-D convolutions"),
        (
            "conv",
            {"x": torch.ones(1, 1, 4, 4), "weight": torch.ones(1, 1, 2, 2), "pad_type": "same"},
            r"kernel extents \[2, 2\]; give explicit padding",
        ),
        ("resize_bilinear", {"x": [[[1.0]]], "sampling_mode": "CUBIC"}, "sampling mode 'CUBIC' is not known"),
        ("clip", {"x": [1.0], "alpha": 0.0}, "argument 'beta' should be one value, but 0 are given"),
        (
            "clip",
            {"x": [1.0], "alpha": [0.0, 1.0], "beta": 1.0},
            r"'alpha' should be one number, but has shape \(2,\)",
        ),
        ("add", {"x": [1.0], "y": "one"}, "'y' should be a tensor, but is the text 'one'"),
        ("cast", {"x": [1.0], "dtype": 1}, "'dtype' should be text"),
    ],
)
def test_refusals_say_what_is_wrong(op_type: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(op_type, **values)


def test_eight_bit_numbers_are_coremltools_own() -> None:
    with quiet():
        from coremltools.optimize import _utils as theirs

    x = np.random.default_rng(0).standard_normal(20_000).astype(np.float32) * 3.0
    scale, zero_point = np.float32(0.0173), np.int8(-37)
    x[:512] = (np.arange(512) - 256.5) * 0.5 * scale  # halves among them, and both ends
    codes = call("quantize", input=x, scale=scale, zero_point=zero_point, output_dtype="int8")
    expected = theirs.quantize_by_scale_and_zp(x, np.array(scale), np.array(zero_point), "int8")
    np.testing.assert_array_equal(codes.numpy(), expected)
    assert set(np.unique(expected)) == set(range(-128, 128))
    dense = call("dequantize", input=expected, scale=scale, zero_point=zero_point)
    np.testing.assert_array_equal(
        dense.numpy(), theirs.dequantize_by_scale_and_zp(expected, np.array(scale), np.array(zero_point))
    )


def test_codes_of_fp16_numbers_are_those_of_exact_arithmetic() -> None:
    generator = np.random.default_rng(1)
    x = (generator.standard_normal(50_000) * 4.0).astype(np.float16)
    for scale in generator.uniform(0.01, 0.2, 8).astype(np.float16):
        codes = call("quantize", input=x.astype(np.float32), scale=np.float32(scale), output_dtype="int8")
        exact = np.clip(np.round(x.astype(np.float64) / np.float64(scale)), -128, 127)
        np.testing.assert_array_equal(codes.numpy(), exact)
