"""What torch modules convert to, against torch, through one saved float32 package; single ops are in test_one_op.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.formats.mlpackage.write import write_mlpackage
from export.interpreters.mil import MilProgram

LAYERS = {
    "conv_1x1": nn.Conv2d(8, 4, 1),
    "conv_3x3": nn.Conv2d(8, 4, 3, padding=1),
    "conv_5x3": nn.Conv2d(8, 4, (5, 3), padding=(2, 1), bias=False),
    "conv_6x6_stride_2": nn.Conv2d(8, 4, 6, stride=2, padding=2),
    "conv_8x8_stride_4": nn.Conv2d(8, 4, 8, stride=4, padding=2),
    "conv_dilated": nn.Conv2d(8, 4, 3, padding=2, dilation=2),
    "conv_depthwise": nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "conv_same": nn.Conv2d(8, 4, 3, padding="same"),
    "conv_transpose_2x2": nn.ConvTranspose2d(8, 4, 2, 2),
    "conv_transpose_4x4": nn.ConvTranspose2d(8, 4, 4, 2, padding=1),
    "conv_transpose_grouped": nn.ConvTranspose2d(8, 4, 3, 1, groups=2, bias=False),
}

FUNCTIONS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "abs": ("abs", lambda x, y: torch.abs(x - 1.0)),
    "add": ("add", lambda x, y: x + y),
    "cast": ("cast", lambda x, y: (x * 3.0).to(torch.int32).float()),
    "clip": ("clip", lambda x, y: torch.clamp(x, 0.5, 1.5)),
    "concat": ("concat", lambda x, y: torch.cat([x[..., :1], x, y], 3)),
    "exp": ("exp", lambda x, y: torch.exp(x)),
    "inverse": ("inverse", lambda x, y: torch.reciprocal(x + y)),
    "maximum": ("maximum", lambda x, y: torch.maximum(x, y)),
    "minimum": ("minimum", lambda x, y: torch.minimum(x, y)),
    "mul_broadcast": ("mul", lambda x, y: x * y[:, :1]),
    "pad_constant": ("pad", lambda x, y: F.pad(x, (1, 2, 3, 4), value=0.25)),
    "pad_reflect": ("pad", lambda x, y: F.pad(x, (1, 2, 3, 4), mode="reflect")),
    "pad_replicate": ("pad", lambda x, y: F.pad(x, (1, 2, 3, 4), mode="replicate")),
    "pixel_shuffle": ("pixel_shuffle", lambda x, y: F.pixel_shuffle(x, 2)),
    "pixel_unshuffle": ("pixel_unshuffle", lambda x, y: F.pixel_unshuffle(x, 4)),
    "pow": ("pow", lambda x, y: torch.pow(x, y)),
    "real_div": ("real_div", lambda x, y: x / y),
    "reduce_mean": ("reduce_mean", lambda x, y: x.mean((2, 3), keepdim=True)),
    "reduce_sum": ("reduce_sum", lambda x, y: x.sum(1)),
    "relu": ("relu", lambda x, y: torch.relu(x - 1.0)),
    "reshape": ("reshape", lambda x, y: x.reshape(1, 4, 2, 256)),
    "rsqrt": ("rsqrt", lambda x, y: torch.rsqrt(x)),
    "sigmoid": ("sigmoid", lambda x, y: torch.sigmoid(x)),
    "slice_narrow": ("slice_by_index", lambda x, y: x.narrow(3, 5, 7)),
    "slice_negative": ("slice_by_index", lambda x, y: x[:, 1:-2, ::3, -5:]),
    "slice_squeeze": ("slice_by_index", lambda x, y: x[:, 3]),
    "split": ("split", lambda x, y: torch.cat(torch.split(x, [3, 5], 1)[::-1], 1)),
    "sqrt": ("sqrt", lambda x, y: torch.sqrt(x)),
    "square": ("mul", lambda x, y: torch.square(x)),
    "sub": ("sub", lambda x, y: x - y),
    "tanh": ("tanh", lambda x, y: torch.tanh(x)),
    "transpose": ("transpose", lambda x, y: x.permute(0, 2, 3, 1)),
    "upsample_half_pixel": (
        "upsample_bilinear",
        lambda x, y: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    ),
    "upsample_corners": (
        "upsample_bilinear",
        lambda x, y: F.interpolate(x, size=(24, 40), mode="bilinear", align_corners=True),
    ),
    "downsample": (
        "upsample_bilinear",
        lambda x, y: F.interpolate(x, size=(8, 4), mode="bilinear", align_corners=False),
    ),
}
CASES = [*LAYERS, *FUNCTIONS]


class EveryOp(nn.Module):
    """One output for each case; all from the same two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(LAYERS)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        convolved = [layer(x) for layer in self.layers.values()]
        return (*convolved, *(function(x, y) for _, function in FUNCTIONS.values()))


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, 8, 16, 16, generator=generator) * 2.0 + 0.1 for _ in range(2))
    return x, y


@pytest.fixture(scope="module")
def program(inputs: tuple[Tensor, Tensor], tmp_path_factory: pytest.TempPathFactory) -> MilProgram:
    path: Path = tmp_path_factory.mktemp("every_op") / "every_op.mlpackage"
    write_mlpackage(EveryOp().eval(), inputs, ["x", "y"], CASES, path, precision="fp32")
    return MilProgram.load(path)


@pytest.fixture(scope="module")
def results(program: MilProgram, inputs: tuple[Tensor, Tensor]) -> dict[str, np.ndarray]:
    return program.run({"x": inputs[0].numpy(), "y": inputs[1].numpy()}, "fp32")


@pytest.mark.parametrize("case", CASES)
def test_op_agrees_with_torch(case: str, results: dict[str, np.ndarray], inputs: tuple[Tensor, Tensor]) -> None:
    with torch.no_grad():
        expected = LAYERS[case](inputs[0]) if case in LAYERS else FUNCTIONS[case][1](*inputs)
    if case == "inverse":
        # Core ML's inverse is not torch's reciprocal: it adds 1e-4.
        expected = 1.0 / (inputs[0] + inputs[1] + 1e-4)
    assert results[case].shape == tuple(expected.shape)
    np.testing.assert_allclose(results[case], expected.numpy(), rtol=2e-6, atol=2e-6)


def test_package_really_holds_the_ops(program: MilProgram) -> None:
    wanted = {op_type for op_type, _ in FUNCTIONS.values()} | {"conv", "conv_transpose"}
    assert wanted - set(program.op_counts) == set()
