"""A Gaussian blur whose sigma differs from pixel to pixel, from 0.3 to 32 px, out of what every mobile delegate takes.

The exact blur (``train.optics.spatially_varying_blur``) gathers a disc of neighbours for every pixel, which no delegate
offers. Here the picture is blurred as a whole by a few fixed, separable Gaussians, coarser ones on smaller copies, and
each pixel takes its place between the two whose sigmas are next to its own. Two Gaussians mixed in proportion to the
variance asked for have that variance exactly, and where their sigmas differ by 1.4 they look like one to 50 dB; so
they do where these are small and differ by 2.

So an operator is a convolution of constant weights, a mean of 2x2, a bilinear enlargement or an element-wise one. What
reducing by 2^l and enlarging again adds to the variance, (4^l - 1) / 3 px^2, is taken off the level's own Gaussians.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_MIN_PX = 0.3
"""Up to here the picture is left as it is: the neighbours' weight is under 0.4 %."""
SIGMA_MAX_PX = 32.0
FINEST_PX = 0.75
"""Sigma of the Gaussian on the picture itself."""
LEVELS_PX = ((1.6, 2.6), (3.8, 5.37), (7.6, 10.75), (15.2, 21.5), (30.4, 43.0))
"""Sigmas of the two Gaussians on the picture reduced to half, to a quarter and so on, as far as its sides are even.

The first is as wide as the picture's reduction and enlargement need, and each about 1.4 times the one before; less
closely where these are smallest, for there a picture has lost little: every sigma is at 49 dB and more."""
SIX = 6.0
MOST_PARTS = 5
FINEST_RADIUS, LEVELS_RADII = 1, ((1, 2), *[(2, 2)] * 4)
"""Taps on each side of each Gaussian, which goes on from the one before."""


class FixedGaussian(nn.Module):
    """A separable Gaussian of one variance, as depthwise convolutions.

    Args:
        variance: of its weights, in px^2.
        radius: taps on each side.
        channels: of the picture.
        mirrored: whether the picture's mirror image lies beyond its edges; zeros do otherwise.
    """

    def __init__(self, variance: float, radius: int, channels: int, *, mirrored: bool = True) -> None:
        super().__init__()
        taps = gaussian_taps(variance, radius)
        self.radius, self.mirrored = radius, mirrored
        self.at_once = radius == 1
        """Nine taps cost less than two passes of three."""
        first = taps.view(1, -1) * taps.view(-1, 1) if self.at_once else taps.view(1, -1)
        self.rows = nn.Buffer(first.repeat(channels, 1, 1, 1))
        self.columns = nn.Buffer(taps.view(-1, 1).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W), of 0 or more where it is mirrored -> the same, blurred."""
        if self.at_once:
            return self._convolved(x, self.rows, (2, 3))
        return self._convolved(self._convolved(x, self.rows, (3,)), self.columns, (2,))

    def _convolved(self, x: Tensor, weight: Tensor, dims: Sequence[int]) -> Tensor:
        channels = int(weight.shape[0])
        if not self.mirrored:
            padding = (self.radius * (2 in dims), self.radius * (3 in dims))
            return F.conv2d(x, weight, padding=padding, groups=channels)
        for dim in reversed(dims):
            x = with_edges(x, self.radius, dim)
        return F.conv2d(x, weight, groups=channels)


class FallingRamp(nn.Module):
    """1 up to ``low``, falling evenly to 0 at ``high``, of chosen channels: by a 1x1 convolution, which copies them.

    Args:
        low: value up to which it is 1.
        high: value from which it is 0.
        source: for each output channel the input channel that it is of; None: 1 everywhere.
        channels: of the input.
    """

    def __init__(self, low: float, high: float, source: Sequence[int | None], channels: int) -> None:
        super().__init__()
        self.weight = nn.Buffer(picking(source, channels) * (-SIX / (high - low)))
        self.bias = nn.Buffer(torch.tensor([SIX if of is None else SIX * high / (high - low) for of in source]))

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
        self.weight = nn.Buffer(picking(source, channels))
        self.bias = nn.Buffer(torch.tensor([float(of is None) for of in source])) if None in source else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, len(source), H, W)."""
        return F.conv2d(x, self.weight, self.bias)


class FinestLevel(nn.Module):
    """The picture itself, blurred by up to ``FINEST_PX``: of the levels the only one at full size."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = FixedGaussian(sampled_variance(FINEST_PX), FINEST_RADIUS, 3)
        self.untouched = FallingRamp(SIGMA_MIN_PX**2, FINEST_PX**2, (0, 0, 0), 1)
        self.handover = FallingRamp(FINEST_PX**2, LEVELS_PX[0][0] ** 2, (0, 0, 0), 1)

    def forward(self, light: Tensor, variance: Tensor, coarse: Tensor) -> Tensor:
        """What this level adds to the enlarged result of the coarser ones.

        Args:
            light: (B, 3, H, W), of 0 or more.
            variance: (B, 1, H, W) in px^2.
            coarse: (B, 3, H, W): what it is added to.

        Returns:
            (B, 3, H, W), of either sign. Of shares of 0 and 1 nothing is rounded: black stays black, which the square
            root of ``InLight`` would make grey of.
        """
        return self.handover(variance) * (mix(self.blur(light), light, self.untouched(variance)) - coarse)


class CoarserLevels(nn.Module):
    """Reduced copies of a picture, blurred by ``LEVELS_PX``, put together from the smallest up.

    Args:
        channels: of the picture.
        source: for each of its channels the channel of the variance that it is blurred with.
    """

    def __init__(self, channels: int, source: Sequence[int]) -> None:
        super().__init__()
        variances = 1 + max(source)
        self.firsts, self.seconds = nn.ModuleList(), nn.ModuleList()
        self.ramps, self.handovers = nn.ModuleList(), nn.ModuleList()
        for level, ((first, second), radii) in enumerate(zip(LEVELS_PX, LEVELS_RADII, strict=True), start=1):
            area = 4.0**level
            self.firsts.append(FixedGaussian((first**2 - (area - 1.0) / 3.0) / area, radii[0], channels))
            self.seconds.append(FixedGaussian((second**2 - first**2) / area, radii[1], channels))
            self.ramps.append(FallingRamp(first**2, second**2, source, variances))
        for (_, second), (first, _) in pairwise(LEVELS_PX):
            self.handovers.append(FallingRamp(second**2, first**2, source, variances))

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
        result: Tensor | None = None
        for level in reversed(range(len(pictures))):
            first = self.firsts[level](pictures[level])
            own = mix(self.seconds[level](first), first, self.ramps[level](variances[level]))
            if result is not None:
                share = self.handovers[level](variances[level])
                if at_most is not None:
                    share = torch.minimum(share, at_most[level])
                own = mix(enlarged(result), own, share)
            result = own
        assert result is not None
        return result


class MultiscaleBlur(nn.Module):
    """Gathers for every pixel a Gaussian of its own sigma: 49 dB and more from the exact gather, in light."""

    def __init__(self) -> None:
        super().__init__()
        self.finest = FinestLevel()
        self.coarser = CoarserLevels(3, (0, 0, 0))

    def forward(self, light: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) of 0 or more, (B, 1, H, W) sigma in pixels, either sign -> (B, 3, H, W)."""
        variance = sigma_px * sigma_px
        pictures, variances = [light], [variance]
        for _ in range(levels_of(light)):
            pictures.append(reduced(pictures[-1]))
            variances.append(reduced(variances[-1]))
        coarse = enlarged(self.coarser(pictures[1:], variances[1:]))
        return coarse + self.finest(light, variances[0], coarse)


def levels_of(picture: Tensor) -> int:
    """How often (B, C, H, W) is reduced: once for each of ``LEVELS_PX``, or until a side is odd.

    Raises:
        ValueError: a side is odd.
    """
    height, width = int(picture.shape[2]), int(picture.shape[3])
    count = 0
    while count < len(LEVELS_PX) and height % 2 == width % 2 == 0:
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


def picking(source: Sequence[int | None], channels: int) -> Tensor:
    """Weights of a 1x1 convolution whose output i is input ``source[i]``, and 0 where that is None."""
    weights = torch.zeros(len(source), channels, 1, 1)
    for to, of in enumerate(source):
        if of is not None:
            weights[to, of] = 1.0
    return weights


def rising_ramp(x: Tensor, low: float, high: float) -> Tensor:
    """0 up to ``low``, rising evenly to 1 at ``high``; see ``FallingRamp``."""
    slope = SIX / (high - low)
    return F.relu6(x * slope - low * slope) * (1.0 / SIX)


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


def with_edges(x: Tensor, margin: int, dim: int) -> Tensor:
    """Of 0 or more, made larger on both sides by its own mirror image, again and again where it is small.

    The mean of a mirror image is the mirror image of the mean, so all levels see the same beyond the edges.
    """
    size = int(x.shape[dim])
    before, after = range(-margin, 0), range(size, size + margin)
    return torch.cat([_mirrored(x, before, dim), x, _mirrored(x, after, dim)], dim)


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
