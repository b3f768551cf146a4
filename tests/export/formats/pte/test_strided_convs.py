from __future__ import annotations

import pytest
import torch
from torch import nn

from export.formats.pte.strided_convs import BlockStem, LacedUp, ShuffledUp, without_strides
from export.graphs.specs import GraphSpec, example_inputs
from train.networks.unet import UNet


@pytest.mark.parametrize("rewritten", [LacedUp, ShuffledUp])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_an_upsampling_convolution_answers_as_before(
    rewritten: type[LacedUp] | type[ShuffledUp], channels: int
) -> None:
    torch.manual_seed(0)
    original = nn.ConvTranspose2d(5, channels, 2, stride=2)
    x = torch.randn(1, 5, 6, 4)
    torch.testing.assert_close(rewritten(original)(x), original(x), atol=1e-6, rtol=0.0)


def test_the_stem_answers_as_before_at_the_edges_too() -> None:
    torch.manual_seed(1)
    original = nn.Conv2d(4, 8, 6, stride=2, padding=2)
    x = torch.randn(1, 4, 12, 8)
    torch.testing.assert_close(BlockStem(original)(x), original(x), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("graph", ["defocus", "deblur", "fused"])
def test_a_graph_answers_as_before(small_specs: dict[str, GraphSpec], graph: str) -> None:
    spec = small_specs[graph]
    inputs = example_inputs(spec, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(without_strides(spec.module)(*inputs), spec.module(*inputs), atol=2e-5, rtol=0.0)


def test_the_original_is_left_alone_and_its_finest_convolutions_are_replaced(small_specs: dict[str, GraphSpec]) -> None:
    module = small_specs["fused"].module
    rewritten = without_strides(module)
    for unet in (part for part in module.modules() if isinstance(part, UNet)):
        assert isinstance(unet.head, nn.ConvTranspose2d)
    found = [part for part in rewritten.modules() if isinstance(part, UNet)]
    assert len(found) == 2
    for unet in found:
        assert (type(unet.stem), type(unet.ups[0]), type(unet.head)) == (BlockStem, LacedUp, ShuffledUp)
