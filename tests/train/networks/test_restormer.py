import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from train.networks.restormer import ChannelNorm, GatedFeedForward, Restormer, RestormerConfig, TransposedAttention

TINY = RestormerConfig(dim=8, blocks=(1, 1, 1), refinement_blocks=1, heads=(1, 2, 4))


def test_the_published_size() -> None:
    with torch.device("meta"):
        network = Restormer(3, 3, RestormerConfig())
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    assert millions == pytest.approx(26.1, rel=0.005)


def test_shapes_at_every_level() -> None:
    network = Restormer(5, 3, TINY)
    shapes = []
    for part in (*network.encoders, network.middle, *reversed(network.decoders)):
        part.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape)))
    with torch.no_grad():
        assert network(torch.rand(2, 5, 16, 24)).shape == (2, 3, 16, 24)
    # down by unshuffling: twice the channels; the finest decoder keeps its skip's channels as well
    assert shapes == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6), (2, 16, 8, 12), (2, 16, 16, 24)]


def test_a_head_of_one_channel_can_attend_to_itself_only() -> None:
    torch.manual_seed(0)
    attention = TransposedAttention(4, heads=4)
    x = torch.randn(1, 4, 6, 6)
    value = attention.qkv(x)[:, 8:]
    torch.testing.assert_close(attention(x), attention.project(value))


def test_attention_is_a_softmax_of_correlations() -> None:
    attention = TransposedAttention(2, heads=1)
    identity = torch.eye(2)[:, :, None, None]
    project, depthwise = attention.qkv
    assert isinstance(project, nn.Conv2d)
    assert isinstance(depthwise, nn.Conv2d)
    with torch.no_grad():
        project.weight.copy_(identity.repeat(3, 1, 1, 1))
        depthwise.weight.zero_()[:, :, 1, 1] = 1.0
        attention.project.weight.copy_(identity)
        attention.temperature.fill_(2.0)
    # Two channels that never overlap: correlation 1 with themselves, 0 with each other.
    x = torch.tensor([[5.0, 0.0], [0.0, 3.0]]).view(1, 2, 1, 2)
    own = torch.sigmoid(torch.tensor(2.0)).item()  # softmax of (2, 0)
    expected = torch.tensor([[5 * own, 3 * (1 - own)], [5 * (1 - own), 3 * own]]).view(1, 2, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(attention(x), expected)


def test_the_norm_is_over_the_channels_of_a_pixel() -> None:
    x = torch.zeros(1, 2, 1, 2)
    x[0, :, 0, 0] = torch.tensor([1.0, 3.0])
    out = ChannelNorm(2)(x)
    torch.testing.assert_close(out[0, :, 0, 0], torch.tensor([-1.0, 1.0]), atol=1e-4, rtol=0)
    assert out[0, :, 0, 1].eq(0).all()


def test_a_closed_gate_lets_nothing_through() -> None:
    forward = GatedFeedForward(4, 2.66)
    assert forward.project.in_channels == 10  # int(4 * 2.66)
    project = forward.expand[0]
    assert isinstance(project, nn.Conv2d)
    nn.init.zeros_(project.weight)
    assert forward(torch.randn(1, 4, 6, 6)).eq(0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": (1, 2)}, "same 2 or more entries"),
        ({"dim": 9}, "dim must be even"),
        ({"heads": (1, 2, 5)}, "heads must divide"),
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)
