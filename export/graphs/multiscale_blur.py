"""A Gaussian blur whose sigma differs from pixel to pixel, from 0.3 to 32 px, out of what every mobile delegate takes.

The exact blur (``train.optics.spatially_varying_blur``) gathers a disc of neighbours for every pixel, which no delegate
offers. Here the picture is blurred as a whole by a few fixed, separable Gaussians, coarser ones on smaller copies, and
each pixel takes its place between the two whose sigmas are next to its own. Two Gaussians mixed in proportion to the
variance asked for have that variance exactly, and where their sigmas differ by 1.4 they look like one to 50 dB.

So an operator is a convolution of constant weights, a mean of 2x2, a bilinear enlargement or an element-wise one. What
reducing by 2^l and enlarging again adds to the variance, (4^l - 1) / 3 px^2, is taken off the level's own Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_MIN_PX = 0.3
"""Up to here the picture is left as it is: the neighbours' weight is under 0.4 %."""
SIGMA_MAX_PX = 32.0
FINEST_PX = (0.7, 1.3)
"""Sigmas of the Gaussians on the picture itself."""
COARSER_PX = (1.9, 1.9 * math.sqrt(2.0))
"""The same on the picture reduced to half; twice as much on each smaller one."""
LEVELS = 5
"""How often the picture is reduced, as far as its sides are even."""
SIX = 6.0
MOST_PARTS = 5
FINEST_RADII, COARSER_RADII = (1, 3), (2, 3)
"""Taps on each side of each Gaussian, which goes on from the one before."""


class FixedGaussian(nn.Module):
    """A separable Gaussian of one variance, as dense convolutions without padding by edges: zeros lie outside.

    Depthwise convolutions say the same, and are many times slower where channels are as few as here.

    Args:
        variance: of its weights, in px^2.
        radius: taps on each side.
        channels: of the result.
        inputs: channels of what it is given, of which the first are blurred; None where there are no others.
    """

    def __init__(self, variance: float, radius: int, channels: int, inputs: int | None = None) -> None:
        super().__init__()
        taps = gaussian_taps(variance, radius)
        each = picking(range(channels), channels)
        first = picking(range(channels), inputs or channels)
        self.radius = radius
        self.at_once = radius == 1
        """Nine taps cost less than two passes of three."""
        square = taps.view(1, 1, -1, 1) * taps.view(1, 1, 1, -1)
        self.rows = nn.Buffer(first * (square if self.at_once else taps.view(1, 1, 1, -1)))
        self.columns = nn.Buffer(each * taps.view(1, 1, -1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, channels, H, W), blurred."""
        if self.at_once:
            return F.conv2d(x, self.rows, padding=self.radius)
        x = F.conv2d(x, self.rows, padding=(0, self.radius))
        return F.conv2d(x, self.columns, padding=(self.radius, 0))


class FallingRamp(nn.Module):
    """1 up to ``low``, falling evenly to 0 at ``high``, of chosen channels: by a 1x1 convolution, which copies them.

    Args:
        low: value up to which it is 1.
        high: value from which it is 0.
        source: for each output channel the input channel that it is of.
        channels: of the input.
    """

    def __init__(self, low: float, high: float, source: Sequence[int], channels: int) -> None:
        super().__init__()
        self.weight = nn.Buffer(picking(source, channels) * (-SIX / (high - low)))
        self.bias = nn.Buffer(torch.full((len(source),), SIX * high / (high - low)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, len(source), H, W) in [0, 1]."""
        # Every delegate has a rectifier that ends at 6, and makes it one operator with the convolution; few end at 1.
        return F.relu6(F.conv2d(x, self.weight, self.bias)) * (1.0 / SIX)


class Pick(nn.Module):
    """Chosen channels, perhaps several times, by a 1x1 convolution: of interleaved channels a slice is the slower.

    Args:
        source: for each output channel the input channel that it is; None: 1 everywhere. (A plane of ones of the
            picture's size, computed or not, is stored in a TFLite file as such.)
        channels: of the input.
    """

    def __init__(self, source: Sequence[int | None], channels: int) -> None:
        super().__init__()
        ones = torch.tensor([float(index is None) for index in source])
        self.weight = nn.Buffer(picking([index or 0 for index in source], channels) * (1.0 - ones).view(-1, 1, 1, 1))
        self.bias = nn.Buffer(ones) if ones.any() else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, len(source), H, W)."""
        return F.conv2d(x, self.weight, self.bias)


class FinestLevel(nn.Module):
    """The picture itself, blurred by up to ``FINEST_PX``."""

    def __init__(self) -> None:
        super().__init__()
        small, large = sampled_variance(FINEST_PX[0]), FINEST_PX[1] ** 2
        self.blurs = nn.ModuleList(
            [FixedGaussian(small, FINEST_RADII[0], 3, 4), FixedGaussian(large - small, FINEST_RADII[1], 3)]
        )
        steps = (SIGMA_MIN_PX, *FINEST_PX)
        self.ramps = nn.ModuleList(FallingRamp(low**2, high**2, (3, 3, 3), 4) for low, high in pairwise(steps))
        self.picture = Pick((0, 1, 2), 4)

    def forward(self, light: Tensor, variance: Tensor) -> Tensor:
        """(B, 3, H, W) and (B, 1, H, W), the variance in px^2 -> (B, 3, H, W)."""
        margin = sum(FINEST_RADII)
        wide = with_edges(torch.cat([light, variance], 1), margin)
        result, blurred = self.picture(wide), wide
        for blur, ramp in zip(self.blurs, self.ramps, strict=True):
            blurred = blur(blurred)
            result = mix(blurred, result, ramp(wide))
        return without_edges(result, margin)


class CoarserLevels(nn.Module):
    """Reduced copies of a picture, blurred by ``COARSER_PX`` and multiples, put together from the smallest up.

    Args:
        channels: of the picture.
        source: for each of its channels the channel of the variance that it is blurred with.
    """

    def __init__(self, channels: int, source: Sequence[int]) -> None:
        super().__init__()
        variances = 1 + max(source)
        self.firsts, self.seconds = nn.ModuleList(), nn.ModuleList()
        self.ramps, self.handovers = nn.ModuleList(), nn.ModuleList()
        for level in range(1, LEVELS + 1):
            scale = 2.0**level
            first, second = (sigma * scale / 2.0 for sigma in COARSER_PX)
            own = (first**2 - (scale**2 - 1.0) / 3.0) / scale**2
            more = (second**2 - first**2) / scale**2
            self.firsts.append(FixedGaussian(own, COARSER_RADII[0], channels, channels + variances))
            self.seconds.append(FixedGaussian(more, COARSER_RADII[1], channels))
            behind = [channels + place for place in source]
            self.ramps.append(FallingRamp(first**2, second**2, behind, channels + variances))
            self.handovers.append(FallingRamp(second**2, (2.0 * first) ** 2, source, variances))

    def forward(
        self, pictures: Sequence[Tensor], variances: Sequence[Tensor], at_most: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Put the levels together.

        Args:
            pictures: (B, channels, H / 2^l, W / 2^l) for l = 1, 2, ...
            variances: (B, n, H / 2^l, W / 2^l) in px^2 of the picture itself.
            at_most: like the pictures: how much of a level's own result may be taken at all.

        Returns:
            (B, channels, H / 2, W / 2).
        """
        margin = sum(COARSER_RADII)
        result: Tensor | None = None
        for level in reversed(range(len(pictures))):
            wide = with_edges(torch.cat([pictures[level], variances[level]], 1), margin)
            blurred = self.firsts[level](wide)
            own = without_edges(mix(self.seconds[level](blurred), blurred, self.ramps[level](wide)), margin)
            if result is not None:
                share = self.handovers[level](variances[level])
                if at_most is not None:
                    share = torch.minimum(share, at_most[level])
                own = mix(enlarged(result), own, share)
            result = own
        assert result is not None
        return result


class MultiscaleBlur(nn.Module):
    """Gathers for every pixel a Gaussian of its own sigma: 45 dB and more from the exact gather, in light."""

    def __init__(self) -> None:
        super().__init__()
        self.finest = FinestLevel()
        self.coarser = CoarserLevels(3, (0, 0, 0))
        self.handover = handover()

    def forward(self, light: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) of 0 or more, (B, 1, H, W) sigma in pixels, either sign -> (B, 3, H, W)."""
        variance = sigma_px * sigma_px
        pictures, variances = [light], [variance]
        for _ in range(levels_of(light)):
            pictures.append(reduced(pictures[-1]))
            variances.append(reduced(variances[-1]))
        both = torch.cat([variance, sigma_px], 1)
        coarse = enlarged(self.coarser(pictures[1:], variances[1:]))
        return mix(coarse, self.finest(light, variance), self.handover(both))


def handover() -> FallingRamp:
    """How much of the picture's own level is taken, of (B, 2, H, W) whose first channel is the variance."""
    return FallingRamp(FINEST_PX[-1] ** 2, COARSER_PX[0] ** 2, (0, 0, 0), 2)


def levels_of(picture: Tensor) -> int:
    """How often (B, C, H, W) is reduced: ``LEVELS`` times, or until a side is odd.

    Raises:
        ValueError: a side is odd.
    """
    height, width = int(picture.shape[2]), int(picture.shape[3])
    count = 0
    while count < LEVELS and height % 2 == width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    if count == 0:
        raise ValueError(f"height and width must be even, got {height} and {width}")
    return count


def gaussian_taps(variance: float, radius: int) -> Tensor:
    """2 radius + 1 weights of sum 1 whose variance is the one asked for, cut off as they are."""
    if radius == 1:
        return torch.tensor([variance / 2.0, 1.0 - variance, variance / 2.0])
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    wider = variance
    for _ in range(60):
        taps = torch.exp(-(offsets**2) / (2.0 * wider))
        taps = taps / taps.sum()
        wider *= variance / float((taps * offsets**2).sum())
    return taps.float()


def sampled_variance(sigma_px: float) -> float:
    """Variance of a Gaussian's values at whole pixels: below the square of its sigma where that is small."""
    offsets = torch.arange(-8, 9, dtype=torch.float64)
    taps = torch.exp(-(offsets**2) / (2.0 * sigma_px**2))
    return float((taps * offsets**2).sum() / taps.sum())


def picking(source: Sequence[int], channels: int) -> Tensor:
    """Weights of a 1x1 convolution whose output i is input ``source[i]``."""
    return torch.eye(channels)[list(source)].view(len(source), channels, 1, 1)


def mix(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """``share`` of the second tensor and the rest of the first."""
    return first + share * (second - first)


def complement(x: Tensor) -> Tensor:
    """1 - x, as a product and a sum: litert-torch takes the one written so for x - 1."""
    return x * -1.0 + 1.0


def reduced(x: Tensor) -> Tensor:
    """Means of 2x2: (B, C, H, W) -> (B, C, H / 2, W / 2)."""
    return F.avg_pool2d(x, 2, 2, count_include_pad=False)


def enlarged(x: Tensor) -> Tensor:
    """Bilinearly to twice the size."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def with_edges(x: Tensor, margin: int) -> Tensor:
    """Of 0 or more, made larger on all sides by its own mirror image, again and again where it is small.

    The mean of a mirror image is the mirror image of the mean, so all levels see the same beyond the edges.
    """
    for dim in (3, 2):
        size = int(x.shape[dim])
        before, after = range(-margin, 0), range(size, size + margin)
        x = torch.cat([_mirrored(x, before, dim), x, _mirrored(x, after, dim)], dim)
    return x


def without_edges(x: Tensor, margin: int) -> Tensor:
    """The reverse of ``with_edges``."""
    height, width = int(x.shape[2]), int(x.shape[3])
    return x.narrow(2, margin, height - 2 * margin).narrow(3, margin, width - 2 * margin)


def _mirrored(x: Tensor, places: Sequence[int], dim: int) -> Tensor:
    """Rows or columns beyond the edges, by concatenations of at most five: some delegates take no more.

    The rectifier does nothing to what is 0 or more, and keeps converters from making one long concatenation of it.
    """
    if len(places) > MOST_PARTS:
        middle = len(places) // 2
        return torch.relu(torch.cat([_mirrored(x, part, dim) for part in (places[:middle], places[middle:])], dim))
    size = int(x.shape[dim])
    found = (place % (2 * size) for place in places)
    parts = [x.narrow(dim, at if at < size else 2 * size - 1 - at, 1) for at in found]
    return torch.relu(torch.cat(parts, dim)) if len(parts) > 1 else parts[0]
