"""The refocusing graphs: an all-in-focus picture blurred as a lens would, by a signed sigma at each pixel.

Where everything that a pixel's disc covers is blurred alike, a gather is right. At an outline it is not: the blurred
background would take up the colours of the sharp subject before it, and a blurred foreground would end as sharply as
it was drawn. So the picture is taken apart in two layers, each as colour times coverage, and coverage:

* what lies in front of the plane of focus spreads beyond its outline, by its own sigma, which is spread with it;
* the rest gathers from what is about as blurred as itself, or more; what lies under the front layer is filled in from
  what shows beside it.

Each level of ``export.graphs.multiscale_blur`` is divided by its own coverage, so whatever is too sharp for a level has
no part in it. The front layer then lies over the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from export.graphs.multiscale_blur import (
    COARSER_PX,
    FINEST_PX,
    LEVELS,
    SIGMA_MAX_PX,
    CoarserLevels,
    FallingRamp,
    FinestLevel,
    FixedGaussian,
    MultiscaleBlur,
    Pick,
    complement,
    enlarged,
    handover,
    levels_of,
    mix,
    reduced,
)
from runtime.refocusing.discs import TAKES_PART

FRONT_PX = (1.0, COARSER_PX[0])
"""Sigma in front of the plane of focus at which a pixel begins to count as of the front layer, and does wholly."""
LEAST_SHARE = 1.0 / 128.0
"""What a pixel that is too sharp for a level still counts, so that nothing is divided by nothing."""
LEAST_COVERAGE = 1.0 / 64.0
"""Likewise a pixel of the front layer for the rest."""
SEEN = 4.0
"""A place counts as seen beside the front layer from this part, 1 / 4, of its pixels on."""
SPREAD_LEVEL, SPREAD_PX = 3, 24.0
"""Level at which the front layer's sigma is spread beyond its outline, and how far: as a Gaussian of this sigma."""
NOTHING = 1e-4
HALO_PX = 256
"""How far a pixel may be felt at the largest sigma: the taps of the smallest level, and the levels on the way up."""
COVERAGE, VARIANCE = 3, 4
"""Channels of a layer's planes after light times coverage: coverage, and variance times coverage."""


class LayeredBlur(nn.Module):
    """Blurs light by a signed sigma, with occlusion."""

    def __init__(self) -> None:
        super().__init__()
        smallest = [FINEST_PX[-1], *(COARSER_PX[-1] * 2.0**level for level in range(LEVELS - 1))]
        self.behind = FallingRamp(FRONT_PX[0], FRONT_PX[1], (1,), 3)
        self.behind_colour = FallingRamp(FRONT_PX[0], FRONT_PX[1], (1, 1, 1), 3)
        self.too_sharp = nn.ModuleList(
            FallingRamp(TAKES_PART[0] * sigma, TAKES_PART[1] * sigma, (0 if level else 2,), 1 if level else 3)
            for level, sigma in enumerate(smallest)
        )
        self.not_seen = FallingRamp(LEAST_COVERAGE, LEAST_COVERAGE + 1.0 / SEEN, (COVERAGE,), 5)
        self.finest = FinestLevel()
        self.coarser = CoarserLevels(8, (0, 0, 0, 0, 1, 1, 1, 1))
        self.handover = handover()
        self.spread = FixedGaussian((SPREAD_PX / 2.0**SPREAD_LEVEL) ** 2, 8, 2)
        self.five = Pick((0,) * 5, 1)
        self.whole = Pick((None,), 1)
        self.at_most = Pick((0,) * 4 + (None,) * 4, 1)
        self.rest_colour, self.rest_coverage = Pick((0, 1, 2), 8), Pick((3, 3, 3), 8)
        self.front_colour, self.front_coverage = Pick((4, 5, 6), 8), Pick((7, 7, 7), 8)

    def forward(self, light: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) of 0 or more, (B, 1, H, W) pixels, negative in front -> (B, 3, H, W)."""
        variance = sigma_px * sigma_px
        signs = torch.cat([variance, -sigma_px, torch.abs(sigma_px)], 1)
        rest, used, front = self._layers(light, signs)
        pictures, variances, at_most = self._pyramids(rest, used, front, levels_of(light))
        planes = self.coarser(pictures, variances, at_most)
        rest_light = enlarged(self.rest_colour(planes) / self.rest_coverage(planes))
        front_light, shows = enlarged(self.front_colour(planes)), enlarged(complement(self.front_coverage(planes)))
        both = signs.narrow(1, 0, 2)
        rest_light = mix(rest_light, self.finest(light, variance), self.handover(both))
        return front_light + shows * rest_light

    def _layers(self, light: Tensor, signs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """At half the size, as planes of five channels: all that is not in front, its blurred part, and the front."""
        variance = signs.narrow(1, 0, 1)
        behind = self.behind(signs)
        blurred = reduced(behind - behind * self.too_sharp[0](signs))
        halved, seen = reduced(light), reduced(behind)
        variance_seen = reduced(variance * behind)
        front = torch.cat(
            [
                halved - reduced(light * self.behind_colour(signs)),
                complement(seen),
                reduced(variance) - variance_seen,
            ],
            1,
        )
        whole = torch.cat([halved, self.whole(seen), variance_seen / (seen + NOTHING)], 1)
        # Pixels on an outline are of both sides: they take no part, so that no colour of the one is in the other.
        inside, used = (torch.relu(part * 2.0 - 1.0) for part in (seen, blurred))
        inside = inside * (1.0 - LEAST_COVERAGE) + LEAST_COVERAGE
        return whole * self.five(inside), whole * self.five(used), front

    def _pyramids(
        self, rest: Tensor, used: Tensor, front: Tensor, levels: int
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """For each level both layers' colour and coverage, both variances, and how much of it may be taken."""
        rests, variances, seen, fronts = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
        for level in range(1, levels + 1):
            planes = used + rest * LEAST_SHARE
            coverage = _channel(planes, COVERAGE)
            rests.append(planes.narrow(1, 0, 4))
            variances.append(_channel(planes, VARIANCE) / coverage)
            seen.append(complement(self.not_seen(rest)))
            fronts.append(front)
            if level < levels:
                too_sharp = self.too_sharp[level](torch.sqrt(variances[-1] + NOTHING))
                used = reduced(used * self.five(complement(too_sharp)))
                rest, front = reduced(rest), reduced(front)
        spread = self._spread_variances(fronts)
        return (
            [torch.cat([planes, front.narrow(1, 0, 4)], 1) for planes, front in zip(rests, fronts, strict=True)],
            [torch.cat(pair, 1) for pair in zip(variances, spread, strict=True)],
            [self.at_most(part) for part in seen],
        )

    def _spread_variances(self, fronts: list[Tensor]) -> list[Tensor]:
        """The front layer's variance at each level: its own, and beyond its outline that of what is near."""
        at = min(SPREAD_LEVEL, len(fronts)) - 1
        # Of a quotient nothing is lost beyond the edges: both would be darker there.
        around = self.spread(fronts[at].narrow(1, COVERAGE, 2))
        level_variance = _channel(around, 1) / (_channel(around, 0) + NOTHING)
        found = {at: level_variance}
        for level in range(at - 1, -1, -1):
            found[level] = enlarged(found[level + 1])
        for level in range(at + 1, len(fronts)):
            found[level] = reduced(found[level - 1])
        own = [(_channel(front, VARIANCE), _channel(front, COVERAGE)) for front in fronts]
        return [variance + complement(coverage) * found[level] for level, (variance, coverage) in enumerate(own)]


def _channel(x: Tensor, channel: int) -> Tensor:
    return x.narrow(1, channel, 1)


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
    """Refocusing by a plain gather, at half the time: for a finger that moves."""

    def __init__(self) -> None:
        super().__init__(MultiscaleBlur())
