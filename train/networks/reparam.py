"""Re-parameterised convolutions: several linear branches in training, one plain 3x3 convolution afterwards.

    3x3  +  1x1  +  identity  +  (3x3 to more channels, then 1x1 back)  =  one 3x3

All branches are linear and nothing stands between them, so their sum is one kernel. It is summed in training too:
the *kernels* are added, then applied once. That gives the gradients of the branches at the cost of the plain
convolution. Sources: RepVGG (arXiv 2101.03697), for mobile restoration ECBSR (ACM MM 2021).
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BranchedConv(nn.Module):
    """A 3x3 convolution, padding 1, whose kernel is the sum of several branches.

    Every branch but the plain 3x3 starts at zero: an untrained block is the convolution it stands for.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        stride: 1 or 2; the identity branch exists for stride 1 and equal channels only.
        expansion: channels of the expanded branch, as a multiple of ``out_channels``; 0 leaves it out.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, expansion: int = 2) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.point = nn.Parameter(torch.zeros(out_channels, in_channels))
        has_identity = in_channels == out_channels and stride == 1
        self.scale = nn.Parameter(torch.zeros(out_channels)) if has_identity else None
        wide = expansion * out_channels
        self.expand = nn.Parameter(torch.empty(wide, in_channels, 3, 3)) if wide else None
        self.reduce = nn.Parameter(torch.zeros(out_channels, wide)) if wide else None
        if self.expand is not None:
            nn.init.kaiming_normal_(self.expand, nonlinearity="linear")

    def kernel(self) -> Tensor:
        """(out_channels, in_channels, 3, 3): the sum of the branches."""
        centre: Tensor = self.point
        if self.scale is not None:
            centre = centre + torch.diag(self.scale)
        total = self.weight + F.pad(centre[:, :, None, None], (1, 1, 1, 1))
        if self.expand is not None and self.reduce is not None:
            total = total + torch.einsum("ow,wikl->oikl", self.reduce, self.expand)
        return total

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""
        return F.conv2d(x, self.kernel(), self.bias, stride=self.stride, padding=1)

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """The plain convolution that computes the same."""
        out_channels, in_channels = self.weight.shape[:2]
        conv = nn.Conv2d(
            in_channels,
            out_channels,
            3,
            stride=self.stride,
            padding=1,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        conv.weight.copy_(self.kernel())
        assert conv.bias is not None
        conv.bias.copy_(self.bias)
        return conv.train(self.training)


def fused(network: nn.Module) -> nn.Module:
    """A copy of ``network`` with every ``BranchedConv`` turned into one convolution; itself where it has none."""
    if not any(isinstance(module, BranchedConv) for module in network.modules()):
        return network
    result = copy.deepcopy(network)
    for parent in list(result.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BranchedConv):
                setattr(parent, name, child.fuse())
    return result
