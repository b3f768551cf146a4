from __future__ import annotations

import pytest
import torch

from export.graphs.specs import GraphSpec, build_graphs, example_inputs, unet_halo_px
from export.recipes.recipe import GRAPHS
from export.recipes.targets import BLURS
from train.checkpoint import build_deployable
from train.networks.unet import UNet, UNetConfig
from train.presets import mobile


@pytest.fixture(scope="module")
def graphs() -> dict[str, GraphSpec]:
    torch.manual_seed(0)
    networks = build_deployable(mobile().networks)
    torch.nn.init.normal_(networks.deblur.unet.head.weight, std=0.02)
    return build_graphs(networks)


def test_each_graph_takes_what_the_one_before_it_gives(graphs: dict[str, GraphSpec]) -> None:
    assert tuple(graphs) == GRAPHS
    assert graphs["defocus"].outputs == graphs["deblur"].inputs[1:]
    (sharp,), lit = graphs["deblur"].outputs, graphs["refocus"].inputs[0]
    assert (lit.name, lit.channels, lit.color_space) == (sharp.name, sharp.channels, sharp.color_space)
    assert (sharp.range, lit.range) == ((0.0, 1.0), (0.0, 2.0)), "lamps are made brighter between the two"
    assert graphs["preview"].inputs == graphs["refocus"].inputs
    assert graphs["fused"].inputs == graphs["defocus"].inputs + graphs["refocus"].inputs[1:]
    assert graphs["fused"].outputs == graphs["refocus"].outputs


def test_outputs_have_the_shape_and_range_of_the_contract(graphs: dict[str, GraphSpec]) -> None:
    for spec in graphs.values():
        inputs = example_inputs(spec, 32, 48)
        for tensor, meaning in zip(inputs, spec.inputs, strict=True):
            assert tensor.shape == (1, meaning.channels, 32, 48)
            assert meaning.range[0] <= float(tensor.min()) <= float(tensor.max()) <= meaning.range[1]
        with torch.no_grad():
            output = spec.module(*inputs)
        (meaning,) = spec.outputs
        assert output.shape == (1, meaning.channels, 32, 48)
        assert meaning.range[0] <= float(output.min()) <= float(output.max()) <= meaning.range[1]


def test_the_fused_graph_is_the_three_in_a_row(graphs: dict[str, GraphSpec]) -> None:
    fused, (defocus, deblur, refocus) = graphs["fused"], (graphs[n].module for n in ("defocus", "deblur", "refocus"))
    image, target = example_inputs(fused, 32, 48)
    with torch.no_grad():
        expected = refocus(deblur(image, defocus(image)), target)
        torch.testing.assert_close(fused.module(image, target), expected, atol=0.0, rtol=0.0)


def test_the_fused_graph_reaches_as_far_as_the_three_together(graphs: dict[str, GraphSpec]) -> None:
    assert graphs["fused"].halo_px == sum(graphs[name].halo_px for name in ("defocus", "deblur", "refocus"))


@pytest.mark.parametrize("name", ["defocus", "deblur", "refocus", "preview"])
def test_nothing_beyond_the_halo_reaches_a_pixel(graphs: dict[str, GraphSpec], name: str) -> None:
    spec = graphs[name]
    side = -(-(2 * spec.halo_px + 64) // 16) * 16
    inputs = list(example_inputs(spec, side, side))
    if name in BLURS:
        # Nothing ends at white, where there is no gradient, and everything is blurred as far as can be.
        inputs = [inputs[0] / 2.0, 30.0 + inputs[1] / 32.0]
    for x in inputs:
        x.requires_grad_()
    middle = side // 2
    # In double precision no contribution is lost to rounding.
    output = spec.module.double()(*(x.double() for x in inputs))
    output[0, 0, middle, middle].backward()
    for x in inputs:
        assert x.grad is not None
        rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
        reach = max(middle - int(rows.min()), int(rows.max()) - middle)
        assert 0 < reach <= spec.halo_px
    spec.module.float()


def test_the_halo_of_a_hand_counted_unet() -> None:
    config = UNetConfig(widths=(8, 16), encoder_blocks=(1,), middle_blocks=1, decoder_blocks=(0,))
    # Stem 3, one block at 1/2: 2, down and up at 1/2: 2 + 4, one block at 1/4: 4; made a multiple of 4.
    assert unet_halo_px(UNet(3, 3, config)) == 16
