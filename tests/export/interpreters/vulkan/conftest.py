"""Vulkan graphs for the tests: made by hand from one op, and lowered from a small network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.formats.pte.vulkan import write_vulkan_pte
from export.interpreters.vulkan import VkProgram
from export.interpreters.vulkan.values import Call, IdList, Value, VkGraph, VkTensor

Argument = Tensor | list[Tensor] | tuple[int, ...] | int | float | bool | None
RunOp = Callable[..., np.ndarray]


class Two(nn.Module):
    """Two inputs that cannot be exchanged; the second one is used first, so lowering exchanges them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(4, 16, 6, 2, 2), nn.Conv2d(16, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 3, 2, 2)

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W), (B, 1, H, W) -> (B, 3, H, W) in [0, 1]."""
        features = self.stem(torch.cat([image, 0.25 * sigma_px], 1))
        residual = self.up(features + torch.relu(self.conv(features)))
        edges = image[..., 1:] - image[..., :-1]
        return torch.clamp(image + residual / (1.0 + sigma_px) + torch.cat([edges, edges[..., -1:]], 3), 0.0, 1.0)


def graph_of(
    op: str, arguments: Sequence[Argument], dtype: str, shape: tuple[int, ...]
) -> tuple[VkGraph, list[Tensor]]:
    """A graph of one op, and its inputs: all tensors among the arguments."""
    values: list[Value] = []
    tensors: list[Tensor] = []
    ids: list[int] = []

    def add(value: Value) -> int:
        values.append(value)
        return len(values) - 1

    def add_input(tensor: Tensor) -> int:
        tensors.append(tensor)
        return add(VkTensor(dtype=dtype, shape=tuple(tensor.shape)))

    for argument in arguments:
        if isinstance(argument, Tensor):
            ids.append(add_input(argument))
        elif isinstance(argument, list):
            ids.append(add(IdList(tuple(add_input(tensor) for tensor in argument))))
        else:
            ids.append(add(argument))
    inputs = tuple(i for i, value in enumerate(values) if isinstance(value, VkTensor))
    output = add(VkTensor(dtype=dtype, shape=shape))
    call = Call(op=op, arguments=tuple(ids), output=output)
    return VkGraph(values=tuple(values), calls=(call,), inputs=inputs, outputs=(output,)), tensors


@pytest.fixture
def run_op() -> RunOp:
    """``run_op(name, [arguments], shape)``: what the interpreter makes of one op, in float32 or ``dtype``."""

    def run(op: str, arguments: Sequence[Argument], shape: Sequence[int], dtype: str = "FLOAT32") -> np.ndarray:
        graph, tensors = graph_of(op, arguments, dtype, tuple(shape))
        program = VkProgram(name=op, graph=graph, inputs=graph.inputs, outputs=graph.outputs)
        (result,) = program.run([tensor.numpy() for tensor in tensors])
        return result

    return run


@pytest.fixture(scope="package")
def net() -> nn.Module:
    """In eval mode, with random weights."""
    torch.manual_seed(0)
    return Two().eval()


@pytest.fixture(scope="package")
def inputs() -> tuple[Tensor, Tensor]:
    """A picture and a map of 16x16."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 16, 16, generator=generator), 4.0 * torch.rand(1, 1, 16, 16, generator=generator)


@pytest.fixture(scope="package")
def files(
    net: nn.Module, inputs: tuple[Tensor, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> MappingProxyType[str, Path]:
    """Precision -> the network as a .pte file for the Vulkan delegate."""
    folder = tmp_path_factory.mktemp("vulkan")
    made = {precision: folder / f"two_{precision}.pte" for precision in ("fp32", "fp16")}
    for precision, path in made.items():
        write_vulkan_pte(net, inputs, path, precision=precision)
    return MappingProxyType(made)
