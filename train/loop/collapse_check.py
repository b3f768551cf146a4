"""Whether the reblurring module still does its work.

The method stands on it: it ties the restored picture to the blurry one's geometry, makes the triplets, and supervises
the defocus map. It can fail quietly in two ways, with losses that look fine. *Collapsed to the identity*: it
reblurs nothing, says "sharp" everywhere, and asks for a restored picture that is the blurry one. *One kernel
everywhere*: it has found a mean blur, and the defocus map follows it into a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor

from train.data.pair_pool import Batch
from train.networks.reblur import Reblurred

Verdict = Literal["healthy", "collapsed to the identity", "one kernel everywhere"]

IDENTITY_SHARE_MOST = 0.9
"""Mean weight of the identity above which nothing is reblurred. A healthy module stays well below even where most
pictures are in focus, since a kernel of 3 px costs it nothing there."""
EXPLAINED_LEAST = 0.05
"""Share of the difference between B and the moved G that reblurring has to take away. The identity takes away none;
noise and misalignment alone let no kernel gain 5 %."""
DIFFERENCE_LEAST = 0.005
"""Mean |B - moved G| (sRGB units) from which there is something to explain: an 8-bit step and some noise are 0.005."""
SIGMA_VARIATION_LEAST = 0.15
"""Standard deviation of the sigma map over its mean, below which it counts as constant: a module that has learnt no
more than a mean blur still varies by 0.05 to 0.1 (with texture, at borders); scenes with depth vary by 0.5 and more."""
JUDGED_FROM_STEP = 500
"""Step before which nobody is warned: every module starts with one kernel, and takes some 300 steps to leave it."""
INTERVALS_IN_A_ROW = 3
"""Readings that have to agree before a verdict changes: a batch of one can well be evenly blurred."""

ADVICE: dict[Verdict, str] = {
    "healthy": "the reblurring module is healthy again",
    "collapsed to the identity": (
        "the reblurring module has collapsed to the identity (it reblurs nothing though the blurry and the sharp "
        "pictures differ): train it first and alone (--reblur-first), let it reblur the moved sharp picture "
        '(LossConfig.reblur_source="warped_sharp"), or check that the pairs can be aligned'
    ),
    "one kernel everywhere": (
        "the reblurring module uses one kernel everywhere (its sigma does not vary): check that blur varies in your "
        "pairs; if it does, train longer, or the module first and alone (--reblur-first)"
    ),
}
"""What to do about each verdict."""


@dataclass(frozen=True)
class Health:
    """One reading of the reblurring module R on a batch."""

    identity_share: float
    """Mean weight of the identity kernel, in [0, 1]."""
    sigma_mean_px: float
    """Mean of R's sigma over the batch, in pixels."""
    sigma_spread_px: float
    """Its standard deviation over the batch, in pixels."""
    difference: float
    """Mean |B - moved G| where the alignment is trusted, in sRGB units."""
    explained_share: float
    """How much of that R's kernels take away when they are applied to the moved G: 1 all, 0 none, negative harm."""

    @property
    def verdict(self) -> Verdict:
        """What the reading means."""
        differs = self.difference > DIFFERENCE_LEAST
        if differs and self.identity_share > IDENTITY_SHARE_MOST and self.explained_share < EXPLAINED_LEAST:
            return "collapsed to the identity"
        if differs and self.sigma_spread_px < SIGMA_VARIATION_LEAST * self.sigma_mean_px:
            return "one kernel everywhere"
        return "healthy"

    def to_dict(self) -> dict[str, float | str]:
        """For the log: the figures rounded, and the verdict."""
        return {**{name: round(value, 4) for name, value in asdict(self).items()}, "verdict": self.verdict}


@torch.no_grad()
def examine(reblurred: Reblurred, batch: Batch, reblur_picture: Callable[[Tensor, Tensor], Tensor]) -> Health:
    """Read the module's health from what it said of a batch.

    The kernels are applied to the moved sharp picture wherever they were found: of the restored one, which may be the
    blurry picture itself, the identity would explain everything.

    Args:
        reblurred: what the module said.
        batch: of which pairs.
        reblur_picture: (sharp (B, 3, H, W), tap weights) -> the picture under those kernels, sRGB in [0, 1].
    """
    made = reblur_picture(batch.moved_sharp, reblurred.tap_weights)
    before = _masked_error(batch.moved_sharp, batch.blurry, batch.mask)
    after = _masked_error(made, batch.blurry, batch.mask)
    return Health(
        identity_share=float(reblurred.identity_share.mean()),
        sigma_mean_px=float(reblurred.sigma_px.mean()),
        sigma_spread_px=float(reblurred.sigma_px.std(correction=0)),
        difference=before,
        explained_share=1.0 - after / before if before > 0 else 0.0,
    )


def _masked_error(picture: Tensor, blurry: Tensor, mask: Tensor) -> float:
    error = (picture - blurry).abs().mean(1, keepdim=True)
    return float((error * mask).sum() / mask.sum().clamp(min=1.0))


class HealthMonitor:
    """Remembers the verdict, and says so once when it has changed for good."""

    def __init__(self) -> None:
        self.verdict: Verdict = "healthy"
        self._recent: list[Verdict] = []

    def update(self, health: Health) -> str | None:
        """Take a reading in; returns the advice where the verdict has changed, else None."""
        self._recent = [*self._recent, health.verdict][-INTERVALS_IN_A_ROW:]
        agreed = len(self._recent) == INTERVALS_IN_A_ROW and len(set(self._recent)) == 1
        if not agreed or self._recent[0] == self.verdict:
            return None
        self.verdict = self._recent[0]
        return ADVICE[self.verdict]
