"""The refocusing graphs: an all-in-focus picture blurred as a lens would, by a signed sigma at each pixel.

Where everything that a pixel's disc covers is blurred alike, a gather is right. At an outline it is not: the blurred
background would take up the colours of the sharp subject before it, and a blurred foreground would end as sharply as
it was drawn. So the picture is taken apart in two layers, each as colour times coverage, and coverage:

* what lies in front of the plane of focus spreads beyond its outline, by its own sigma, which is spread with it;
* the rest gathers from what is about as blurred as itself, or more; what lies under the front layer is filled in from
  what shows beside it.

Each level of ``export.graphs.multiscale_blur`` is divided by its own coverage, so whatever is too sharp for a level has
no part in it. The front layer then lies over the rest. Layers are blurred from half the size on; at full size
there is only what ``FinestLevel`` adds to the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.graphs.multiscale_blur import (
    LEVELS_PX,
    SIGMA_MAX_PX,
    CoarserLevels,
    FallingRamp,
    FinestLevel,
    FixedGaussian,
    MultiscaleBlur,
    Pick,
    complement,
    enlarged,
    levels_of,
    picking,
    reduced,
    rising_ramp,
)
from runtime.refocusing.discs import TAKES_PART

FRONT_PX = (1.0, 1.9)
"""Sigma in front of the plane of focus at which a pixel begins to count as of the front layer, and does wholly."""
LEAST_SHARE = 1.0 / 128.0
"""What a pixel that is too sharp for a level still counts, so that nothing is divided by nothing."""
LEAST_COVERAGE = 1.0 / 64.0
"""Likewise a pixel of the front layer for the rest."""
SEEN = 4.0
"""A place counts as seen beside the front layer from this part, 1 / 4, of its pixels on."""
SPREAD_LEVEL, SPREAD_PX = 3, 24.0
"""Level at which the front layer's sigma is spread beyond its outline, and how far: as a Gaussian of this sigma."""
SMALLEST_PX = 1.0
"""Sigma from which the first of the coarser levels is taken; of the others it is the one before's larger Gaussian."""
NOTHING = 1e-4
HALO_PX = 256
"""How far a pixel may be felt at the largest sigma: the taps of the smallest level, and the levels on the way up."""
REST, FRONT = (0, 1, 2, 3), (4, 5, 6, 7)
"""Channels of the planes: each layer's light times coverage, and its coverage."""


class Layers(NamedTuple):
    """A picture in two layers at one level, (B, ..., h, w)."""

    planes: Tensor
    """Eight channels, see ``REST`` and ``FRONT``; of the rest only what is blurred enough for the level."""
    light: Tensor
    """Of all."""
    variance: Tensor
    """Of all, in px^2 of the picture itself."""
    rest_variance: Tensor
    """Times the rest's coverage."""
    front_variance: Tensor
    """Times the front's."""


class LayeredBlur(nn.Module):
    """Blurs light by a signed sigma, with occlusion."""

    def __init__(self) -> None:
        super().__init__()
        self.three = Pick((0,) * 3, 1)
        self.only_rest = Pick((0,) * 4 + (None,) * 4, 1)
        self.least = Least()
        covered = 1.0 - 1.0 / (SEEN * (1.0 - LEAST_COVERAGE))
        self.seen = FallingRamp(covered, 1.0, (FRONT[3],) * 4 + (None,) * 4, 8)
        self.coarser = CoarserLevels(8, (0,) * 4 + (1,) * 4)
        self.finest = FinestLevel()
        self.spread = FixedGaussian((SPREAD_PX / 2.0**SPREAD_LEVEL) ** 2, 8, 2, mirrored=False)
        self.rest_colour, self.rest_coverage = Pick(REST[:3], 8), Pick(REST[3:] * 3, 8)
        self.front_colour, self.front_coverage = Pick(FRONT[:3], 8), Pick(FRONT[3:] * 3, 8)
        self.coverages = nn.ModuleList(Pick(layer[3:], 8) for layer in (REST, FRONT))

    def forward(self, light: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) of 0 or more, (B, 1, H, W) pixels, negative in front -> (B, 3, H, W)."""
        variance = sigma_px * sigma_px
        pyramids = self._pyramids(self._layers(light, sigma_px, variance), levels_of(light))
        planes = self.coarser(*pyramids)
        rest_light = self.rest_colour(planes) / self.rest_coverage(planes)
        shows = complement(self.front_coverage(planes))
        both = self.front_colour(planes) + shows * rest_light
        return enlarged(both) + enlarged(shows) * self.finest(light, variance, enlarged(rest_light))

    def _layers(self, light: Tensor, sigma_px: Tensor, variance: Tensor) -> Layers:
        """The layers at half the size."""
        behind = rising_ramp(sigma_px, -FRONT_PX[1], -FRONT_PX[0])
        blurred = behind * _takes_part(torch.abs(sigma_px), 0)
        of_all, of_rest, seen = reduced(variance), reduced(variance * behind), reduced(behind)
        halved, front = reduced(light), complement(seen)
        front_light = halved - reduced(light * self.three(behind))
        # Pixels on an outline are of both sides: they take no part, so that no colour of the one is in the other.
        used = torch.relu(reduced(blurred) * 2.0 - 1.0)
        planes = torch.cat([halved * self.three(used), used, front_light, front], 1)
        return Layers(planes, halved, of_all, of_rest / (seen + NOTHING) * used, of_all - of_rest)

    def _pyramids(self, layers: Layers, levels: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """For each level, from half the size on: both layers' planes, their variances, how much of it may be taken."""
        pictures, own, seen, fronts = list[Tensor](), list[Tensor](), list[Tensor](), list[tuple[Tensor, Tensor]]()
        for level in range(1, levels + 1):
            planes, light, variance, rest_variance, front_variance = layers
            pictures.append(self.least(planes, light))
            least = (variance - front_variance * (1.0 - LEAST_COVERAGE)) * LEAST_SHARE
            own.append((rest_variance + least) / self.coverages[0](pictures[-1]))
            fronts.append((front_variance, self.coverages[1](planes)))
            seen.append(self.seen(planes))
            if level < levels:
                part = _takes_part(torch.sqrt(own[-1] + NOTHING), level)
                still = planes * self.only_rest(part), light, variance, rest_variance * part, front_variance
                layers = Layers(*(reduced(x) for x in still))
        return pictures, [torch.cat(pair, 1) for pair in zip(own, self._spread(fronts), strict=True)], seen

    def _spread(self, fronts: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """The front layer's variance at each level: its own, and beyond its outline that of what is near.

        Args:
            fronts: variance times coverage, and coverage, at each level.
        """
        at = min(SPREAD_LEVEL, len(fronts)) - 1
        # Of a quotient nothing is lost beyond the edges: both would be darker there.
        around = self.spread(torch.cat(fronts[at], 1))
        found = {at: around.narrow(1, 0, 1) / (around.narrow(1, 1, 1) + NOTHING)}
        for level in range(at - 1, -1, -1):
            found[level] = enlarged(found[level + 1])
        for level in range(at + 1, len(fronts)):
            found[level] = reduced(found[level - 1])
        return [variance + complement(coverage) * found[level] for level, (variance, coverage) in enumerate(fronts)]


class Least(nn.Module):
    """Adds to the rest a little of all that lies there, so that nothing is divided by nothing."""

    def __init__(self) -> None:
        super().__init__()
        less = picking(range(8), 8)
        for rest, front in zip(REST, FRONT, strict=True):
            less[rest, front] = -LEAST_SHARE * (1.0 - LEAST_COVERAGE)
        self.less = nn.Buffer(less)
        self.weight = nn.Buffer(picking((0, 1, 2, None, None, None, None, None), 3) * LEAST_SHARE)
        self.bias = nn.Buffer(torch.tensor([LEAST_SHARE if plane == REST[3] else 0.0 for plane in range(8)]))

    def forward(self, planes: Tensor, light: Tensor) -> Tensor:
        """(B, 8, h, w) and (B, 3, h, w), the light of all -> (B, 8, h, w)."""
        # All but most of the front is what is not in front, and a little where nothing else is.
        return F.conv2d(planes, self.less) + F.conv2d(light, self.weight, self.bias)


def _takes_part(sigma_px: Tensor, level: int) -> Tensor:
    """How far what is blurred by this sigma takes part in the level after this one, in [0, 1]."""
    smallest = SMALLEST_PX if level == 0 else LEVELS_PX[level - 1][1]
    return rising_ramp(sigma_px, TAKES_PART[0] * smallest, TAKES_PART[1] * smallest)


class InLight(nn.Module):
    """A blur of light, for pictures in sRGB.

    Defocus mixes light, not sRGB code values. The picture is therefore squared (a power of 2 in place of sRGB's
    curve, which needs no look-up table on any delegate), blurred and encoded back with a square root.
    """

    def __init__(self, blur: nn.Module) -> None:
        super().__init__()
        self.blur = blur

    def forward(self, sharp: Tensor, target_sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB, (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        light = torch.relu(self.blur(sharp * sharp, torch.clamp(target_sigma_px, -SIGMA_MAX_PX, SIGMA_MAX_PX)))
        # Of all ways to end at 1 the one that every delegate takes.
        return torch.sqrt(light - torch.relu(light - 1.0))


class Refocus(InLight):
    """Refocusing with occlusion."""

    def __init__(self) -> None:
        super().__init__(LayeredBlur())


class Preview(InLight):
    """Refocusing by a plain gather, in six tenths of the time: for a finger that moves."""

    def __init__(self) -> None:
        super().__init__(MultiscaleBlur())
