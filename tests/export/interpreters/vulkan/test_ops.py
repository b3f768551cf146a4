"""Each op by itself against torch, and what the runtime's own way of reading arguments refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from export.interpreters.vulkan.ops import OPS

RunOp = Callable[..., np.ndarray]
X = torch.rand(1, 4, 6, 8, generator=torch.Generator().manual_seed(1)) + 0.1
Y = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(2)) + 0.1
WEIGHT = torch.rand(8, 4, 3, 3, generator=torch.Generator().manual_seed(3)) - 0.5
UP = torch.rand(4, 8, 2, 2, generator=torch.Generator().manual_seed(4)) - 0.5
EACH = torch.rand(4, 1, 3, 3, generator=torch.Generator().manual_seed(5)) - 0.5
BIAS = torch.linspace(-1.0, 1.0, 8)
EDGE_MEANS = F.avg_pool2d(X, 3, 1, 1, count_include_pad=False)

CONV = [X, WEIGHT, BIAS, (2, 2), (1, 1), (1, 1), False, (0, 0), 1]
TRANSPOSED = [X, UP, BIAS, (2, 2), (0, 0), (1, 1), True, (0, 0), 1]
DEPTHWISE = [X, EACH, None, (1, 1), (1, 1), (1, 1), False, (0, 0), 4]

CASES: tuple[tuple[str, list, Tensor], ...] = (
    ("aten.abs.default", [X - 0.5], (X - 0.5).abs()),
    ("aten.add.Tensor", [X, Y, 1], X + Y),
    ("aten.add.Tensor", [X, Y, 0.5], X + 0.5 * Y),
    ("aten.avg_pool2d.default", [X, (2, 2), (2, 2), (0, 0), False, False, None], F.avg_pool2d(X, 2)),
    ("aten.avg_pool2d.default", [X, (3, 3), (1, 1), (1, 1), False, False, None], EDGE_MEANS),
    ("aten.cat.default", [[X, Y], 1], torch.cat([X, Y], 1)),
    ("aten.clamp.default", [X, 0.3, 1], X.clamp(0.3, 1.0)),
    ("aten.clamp.default", [X, None, 0.5], X.clamp(max=0.5)),
    ("aten.clone.default", [X, None], X),
    ("aten.convolution.default", CONV, F.conv2d(X, WEIGHT, BIAS, 2, 1)),
    ("aten.convolution.default", TRANSPOSED, F.conv_transpose2d(X, UP, BIAS, 2)),
    ("aten.convolution.default", DEPTHWISE, F.conv2d(X, EACH, None, 1, 1, groups=4)),
    ("aten.cos.default", [X], X.cos()),
    ("aten.div.Tensor", [X, Y], X / Y),
    ("aten.exp.default", [X], X.exp()),
    ("aten.hardtanh.default", [X, 0.2, 0.8], F.hardtanh(X, 0.2, 0.8)),
    ("aten.minimum.default", [X, Y], torch.minimum(X, Y)),
    ("aten.mul.Tensor", [X, Y], X * Y),
    ("aten.neg.default", [X], -X),
    ("aten.relu.default", [X - 0.5], F.relu(X - 0.5)),
    ("aten.rsqrt.default", [X], X.rsqrt()),
    ("aten.sigmoid.default", [X], X.sigmoid()),
    ("aten.sin.default", [X], X.sin()),
    ("aten.slice_copy.Tensor", [X, 3, 1, 7, 2], X[..., 1:7:2]),
    ("aten.slice_copy.Tensor", [X, 2, 0.0, 1, 1], X[:, :, 0:1]),
    ("aten.slice_copy.Tensor", [X, -1, -3, None, 1], X[..., -3:]),
    ("aten.sqrt.default", [X], X.sqrt()),
    ("aten.sub.Tensor", [X, Y, 2], X - 2.0 * Y),
    ("aten.tanh.default", [X], X.tanh()),
    (
        "aten.upsample_bilinear2d.vec",
        [X, None, False, (2.0, 2.0)],
        F.interpolate(X, scale_factor=2.0, mode="bilinear", align_corners=False),
    ),
    ("et_vk.conv_with_clamp.default", [*CONV, 0.0, 1.7976931348623157e308], F.relu(F.conv2d(X, WEIGHT, BIAS, 2, 1))),
    ("et_vk.conv_with_clamp.default", [*CONV, -0.5, 0.5], F.conv2d(X, WEIGHT, BIAS, 2, 1).clamp(-0.5, 0.5)),
    ("et_vk.prepack.default", [X], X),
)


@pytest.mark.parametrize(("op", "arguments", "expected"), CASES, ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)])
def test_an_op_is_torchs(run_op: RunOp, op: str, arguments: list, expected: Tensor) -> None:
    np.testing.assert_allclose(run_op(op, arguments, expected.shape), expected.numpy(), rtol=1e-6, atol=1e-7)


def test_every_op_has_a_case() -> None:
    assert {op for op, _, _ in CASES} == set(OPS)


def test_half_precision_rounds_what_is_stored_and_sums_in_single(run_op: RunOp) -> None:
    x = X.half().float()
    product = run_op("aten.mul.Tensor", [x, x], x.shape, "FLOAT16")
    np.testing.assert_array_equal(product, (x * x).half().float().numpy())
    # 2048 + 1 has no half: the sum of three would stay at 2048 if each partial sum were rounded.
    ones = torch.tensor([2048.0, 1.0, 1.0]).view(1, 3, 1, 1)
    arguments = [ones, torch.ones(1, 3, 1, 1), None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1]
    assert run_op("aten.convolution.default", arguments, (1, 1, 1, 1), "FLOAT16").item() == 2050.0


def test_overflow_names_the_op(run_op: RunOp) -> None:
    large = torch.full((1, 1, 1, 2), 300.0)
    assert run_op("aten.mul.Tensor", [large, large], large.shape)[0, 0, 0, 0] == 90000.0
    with pytest.raises(ValueError, match=r"finite range in fp16: aten\.mul\.Tensor '2': 2 of 2 .*9e\+04"):
        run_op("aten.mul.Tensor", [large, large], large.shape, "FLOAT16")


def test_kinds_that_the_runtime_insists_on(run_op: RunOp) -> None:
    """Equal numbers share one value: a file in which 1.0 came first would ask for 1.0 groups, and not load."""
    for position, value, wanted in ((8, 1.0, "a whole number"), (6, 0, "a truth value"), (3, 2, "a list of whole")):
        with pytest.raises(ValueError, match=f"argument {position} should be (stored as )?{wanted}"):
            run_op("aten.convolution.default", [*CONV[:position], value, *CONV[position + 1 :]], (1, 8, 3, 4))


def test_means_and_enlargements_that_nobody_here_needs(run_op: RunOp) -> None:
    with pytest.raises(ValueError, match="beyond the picture are not supported"):
        run_op("aten.avg_pool2d.default", [X, (2, 2), (2, 2), (1, 1), False, True, None], (1, 4, 4, 5))
    with pytest.raises(ValueError, match="aligned corners is not supported"):
        run_op("aten.upsample_bilinear2d.vec", [X, None, True, (2.0, 2.0)], (1, 4, 12, 16))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*CONV[:8], 2], "2 groups"),
        ([torch.cat([X, X]), *CONV[1:]], "one picture at a time, not 2"),
        ([*TRANSPOSED[:5], (2, 2), *TRANSPOSED[6:]], "transposed convolution with dilation"),
        (CONV[:5], "argument 5 is missing"),
    ],
)
def test_what_the_runtime_has_no_shader_for(run_op: RunOp, arguments: list, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        run_op("aten.convolution.default", arguments, (1, 8, 3, 4))


def test_a_wrong_shape_is_an_error(run_op: RunOp) -> None:
    with pytest.raises(ValueError, match=r"should have shape \(1, 4, 6, 9\), but has \(1, 4, 6, 8\)"):
        run_op("aten.relu.default", [X], (1, 4, 6, 9))


def test_an_unknown_op_is_named(run_op: RunOp) -> None:
    with pytest.raises(ValueError, match=r"op 'aten\.erf\.default' is not supported; supported: aten\.abs"):
        run_op("aten.erf.default", [X], X.shape)


def test_a_nan_is_an_overflow(run_op: RunOp) -> None:
    with pytest.raises(ValueError, match="by the op itself"):
        run_op("aten.div.Tensor", [torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)], (1, 1, 1, 1))
