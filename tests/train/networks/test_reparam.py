import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.networks.reparam import BranchedConv, fused
from train.networks.unet import UNet, UNetConfig

SMALL = {"widths": (8, 16), "encoder_blocks": (1,), "middle_blocks": 1, "decoder_blocks": (1,)}


def randomise(network: nn.Module) -> None:
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)


def branch_by_branch(conv: BranchedConv, x: Tensor) -> Tensor:
    """The sum of the branches, each applied to the image by itself."""
    out = F.conv2d(x, conv.weight, conv.bias, stride=conv.stride, padding=1)
    out = out + F.conv2d(x, conv.point[:, :, None, None], stride=conv.stride)
    if conv.scale is not None:
        out = out + conv.scale[:, None, None] * x
    if conv.expand is not None and conv.reduce is not None:
        wide = F.conv2d(x, conv.expand, stride=conv.stride, padding=1)
        out = out + F.conv2d(wide, conv.reduce[:, :, None, None])
    return out


@pytest.mark.parametrize(
    ("out_channels", "stride", "expansion", "has_identity"),
    [(6, 1, 2, True), (6, 1, 0, True), (10, 1, 2, False), (6, 2, 2, False), (10, 2, 1, False)],
)
def test_one_kernel_is_the_sum_of_the_branches(
    out_channels: int, stride: int, expansion: int, has_identity: bool
) -> None:
    conv = BranchedConv(6, out_channels, stride=stride, expansion=expansion)
    assert (conv.scale is not None) == has_identity
    randomise(conv)
    x = torch.randn(2, 6, 8, 12)
    with torch.no_grad():
        expected = branch_by_branch(conv, x)
        assert float((conv(x) - expected).abs().max()) < 1e-5
        assert float((conv.fuse()(x) - expected).abs().max()) < 1e-5


def test_the_identity_branch_by_hand() -> None:
    conv = BranchedConv(2, 2)
    assert conv.scale is not None
    nn.init.zeros_(conv.weight)
    conv.scale.data = torch.tensor([1.0, -3.0])
    x = torch.ones(1, 2, 4, 4)
    out = conv.fuse()(x)
    assert out[0, 0].eq(1.0).all()
    assert out[0, 1].eq(-3.0).all()


def test_an_untrained_block_is_its_plain_convolution_and_every_branch_learns() -> None:
    torch.manual_seed(0)
    conv = BranchedConv(4, 4)
    torch.testing.assert_close(conv.kernel(), conv.weight)
    conv(torch.randn(1, 4, 8, 8)).square().sum().backward()
    for name in ("weight", "bias", "point", "scale", "reduce"):
        assert float(getattr(conv, name).grad.abs().max()) > 0, name
    optimiser = torch.optim.SGD(conv.parameters(), lr=1e-4)
    optimiser.step()
    optimiser.zero_grad()
    conv(torch.randn(1, 4, 8, 8)).square().sum().backward()
    assert conv.expand is not None
    assert conv.expand.grad is not None
    assert float(conv.expand.grad.abs().max()) > 0  # held up for one step by the zeros behind it


def test_a_fused_network_is_the_plain_one() -> None:
    branched = UNet(3, 3, UNetConfig(**SMALL, branches=True)).eval()  # type: ignore[arg-type]
    plain = UNet(3, 3, UNetConfig(**SMALL)).eval()  # type: ignore[arg-type]
    randomise(branched)
    kept = {name: tensor.clone() for name, tensor in branched.state_dict().items()}
    result = fused(branched)
    assert {n: t.shape for n, t in result.state_dict().items()} == {n: t.shape for n, t in plain.state_dict().items()}
    plain.load_state_dict(result.state_dict(), strict=True)
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(plain(x), branched(x), atol=1e-5, rtol=1e-5)
    assert not result.training
    for name, tensor in branched.state_dict().items():
        torch.testing.assert_close(tensor, kept[name], atol=0, rtol=0)


def test_a_plain_network_is_left_as_it_is() -> None:
    plain = UNet(3, 3, UNetConfig(**SMALL))  # type: ignore[arg-type]
    assert fused(plain) is plain
