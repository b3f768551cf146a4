"""A pool of misaligned pairs with their alignment, renewed a little as training goes on.

Pair i is a pure function of (seed, i), and the pool's content is a function of the step. So a resumed run finds
exactly the pool it left. What depends on fixed images only (flow, the sharp picture moved onto the blurry one, the
mask of where that is trusted) is computed once, when a pair enters the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from train.config import LossConfig, RunConfig
from train.data.alignment import refine, trust_mask, warp
from train.data.pair_stream import pair_stream
from train.progress import progress_bar

TRIPLETS_AT_ONCE = {"cpu": 1, "cuda": 16}
"""By kind of device. On a CPU one: a triplet must not depend, not in its last bit, on what it is made along with."""


class Pairs(NamedTuple):
    """A stack of misaligned pairs on one device; (N, C, S, S) float32, S = ``config.scenes.size_px``."""

    blurry: Tensor
    """(N, 3, S, S), sRGB in [0, 1]."""
    sharp: Tensor
    """(N, 3, S, S), sRGB in [0, 1], misaligned against ``blurry``."""
    flow_to_sharp: Tensor
    """(N, 2, S, S), pixels, x first: blurry(p) shows what sharp(p + flow(p)) shows."""
    flow_to_blurry: Tensor
    """(N, 2, S, S), the other way round."""


class PairSource(Protocol):
    """Where pairs come from: synthetic scenes or photographs."""

    def pairs(self, first: int, count: int) -> Pairs:
        """Pairs ``first`` to ``first + count - 1``; pair i is a pure function of the seed and i."""
        ...


class Batch(NamedTuple):
    """A batch of crops of misaligned pairs, with what alignment makes of them."""

    blurry: Tensor
    """(B, 3, H, W), sRGB in [0, 1]."""
    sharp: Tensor
    """(B, 3, H, W), the misaligned sharp picture of the pair."""
    flow_to_sharp: Tensor
    """(B, 2, H, W), flow from ``blurry`` to ``sharp``, pixels."""
    flow_to_blurry: Tensor
    """(B, 2, H, W), flow from ``sharp`` to ``blurry``, pixels."""
    moved_sharp: Tensor
    """(B, 3, H, W), the sharp picture moved onto ``blurry``."""
    mask: Tensor
    """(B, 1, H, W), 1 where ``moved_sharp`` is trusted, else 0."""
    reblurred: Tensor
    """(B, 3, H, W), ``moved_sharp`` under the reblurring module's kernels; 0 before stage 3."""
    sigma_px: Tensor
    """(B, 1, H, W), the sigma of those kernels in pixels; 0 before stage 3."""
    place: Tensor
    """(B,), each crop's place in the global batch as a share of it, in [0, 1): what is done with a crop may depend
    on this and does then not depend on how many processes share the batch."""


CHANNELS = {
    "blurry": 3,
    "sharp": 3,
    "flow_to_sharp": 2,
    "flow_to_blurry": 2,
    "moved_sharp": 3,
    "mask": 1,
    "reblurred": 3,
    "sigma_px": 1,
}
"""How a pair is laid out in the pool's one tensor; the order of ``Batch``, but for its last field."""


Reblur = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From moved sharp and blurry pictures (N, 3, S, S) to the reblurred ones (N, 3, S, S) and sigma (N, 1, S, S)."""


def align(pairs: Pairs, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Move the sharp pictures onto the blurry ones: (N, 3, S, S), and the mask of where that is trusted (N, 1, S, S).

    ``config.alignment`` "flow" takes the pairs' flow as it is, with forward-backward masks; "blur_matched" refines it.
    """
    if config.alignment == "flow":
        moved = warp(pairs.sharp, pairs.flow_to_sharp).clamp(0.0, 1.0)
        mask = trust_mask(pairs.flow_to_sharp, pairs.flow_to_blurry, config.flow_consistency_px)
    else:
        blurry, sharp = (t.permute(0, 2, 3, 1).contiguous().cpu().numpy() for t in (pairs.blurry, pairs.sharp))
        finely = config.resampling == "fourier"
        flows = pairs.flow_to_sharp.cpu().numpy()
        refined = [refine(*parts, finely=finely) for parts in zip(blurry, sharp, flows, strict=True)]
        moved = torch.from_numpy(np.stack([r.moved_sharp.transpose(2, 0, 1) for r in refined]))
        mask = torch.from_numpy(np.stack([r.mask[None] for r in refined]))
    return moved.to(pairs.blurry.device), mask.to(pairs.blurry.device)


@dataclass(frozen=True)
class PairMaker:
    """Makes a pair of its number; goes to other processes."""

    source: PairSource
    loss: LossConfig

    def __call__(self, number: int) -> Tensor:
        """(C, S, S): a pair and its alignment, without what belongs to triplets."""
        pairs = self.source.pairs(number, 1)
        return torch.cat([*pairs, *align(pairs, self.loss)], dim=1)[0]


class Crop(NamedTuple):
    """A crop of a pair of the pool."""

    place: int
    """Of the pair."""
    y: int
    x: int
    mirror: bool
    transpose: bool


class PairPool:
    """Random crops of a rolling window of misaligned pairs.

    At step t the pool holds pairs n .. n + pool_size - 1, with n = pool_refresh * (t // refresh_every).

    Args:
        source: where pairs come from.
        config: of the run.
        step: at which the run starts or goes on.
        device: where the pool lies.
        workers: processes that make pairs, see ``train.data.pair_stream``. They change no pair.
    """

    def __init__(
        self,
        source: PairSource,
        config: RunConfig,
        step: int = 0,
        device: torch.device | str = "cpu",
        *,
        workers: int = 0,
    ) -> None:
        self.source = source
        self.config = config
        fit, side = config.fit, config.scenes.size_px
        self.pairs = torch.zeros((fit.pool_size, sum(CHANNELS.values()), side, side), device=device)
        self.reblur: Reblur | None = None
        self.step = step
        first = self._first_at(step)
        last = max(first, self._first_at(fit.total_steps)) + fit.pool_size
        self._stream = pair_stream(PairMaker(source, config.loss), range(first, last), workers)
        for number in progress_bar(range(first, first + fit.pool_size), desc="making pairs", unit="pair", leave=False):
            self._insert(number, 1)

    def _first_at(self, step: int) -> int:
        return self.config.fit.pool_refresh * (step // self.config.fit.refresh_every)

    def _renew(self) -> None:
        """The next pairs take the place of the oldest."""
        count = self.config.fit.pool_refresh
        self._insert(self._first_at(self.step) + self.config.fit.pool_size - count, count)

    def _insert(self, first: int, count: int) -> None:
        """The next ``count`` pairs of the stream, which are those from ``first`` on."""
        places = [number % self.config.fit.pool_size for number in range(first, first + count)]
        for place, made in zip(places, islice(self._stream, count), strict=True):
            self.pairs[place, : len(made)] = made
        if self.reblur is not None:
            self._make_triplets(places)

    def make_triplets(self, reblur: Reblur) -> None:
        """From now on every pair carries what ``reblur`` makes of it; the ones here are seen to at once."""
        self.reblur = reblur
        for place in progress_bar(range(self.config.fit.pool_size), desc="making triplets", unit="pair", leave=False):
            self._make_triplets([place])

    def _make_triplets(self, places: Sequence[int]) -> None:
        assert self.reblur is not None
        at_once = TRIPLETS_AT_ONCE.get(self.pairs.device.type, 1)
        for start in range(0, len(places), at_once):
            chosen = torch.tensor(places[start : start + at_once], device=self.pairs.device)
            parts = _parts(self.pairs[chosen])
            reblurred, sigma_px = self.reblur(parts["moved_sharp"], parts["blurry"])
            self.pairs[chosen, -reblurred.shape[1] - sigma_px.shape[1] :] = torch.cat([reblurred, sigma_px], 1)

    def next_batch(self, rank: int = 0, world_size: int = 1) -> Batch:
        """The crops of this step; then the oldest pairs give way to new ones.

        Args:
            rank: of ``world_size`` processes, which holds the same pool and takes every ``world_size``-th crop.
            world_size: number of processes that share the global batch.
        """
        fit, side = self.config.fit, self.config.scenes.size_px
        rng = np.random.default_rng((fit.seed, 1, self.step))
        crops = []
        for index in rng.integers(0, fit.pool_size, fit.batch_size):
            y, x = rng.integers(0, side - fit.crop_px + 1, 2)
            mirror, transpose = rng.uniform(size=2) < 0.5
            crops.append(Crop(int(index), int(y), int(x), bool(mirror), bool(transpose)))
        stacked = self._crops(crops[rank::world_size])
        self.step += 1
        if self.step % fit.refresh_every == 0 and fit.pool_refresh:
            self._renew()
        place = torch.arange(rank, fit.batch_size, world_size, device=stacked.device) / fit.batch_size
        return Batch(**_parts(stacked), place=place)

    def _crops(self, crops: Sequence[Crop]) -> Tensor:
        """Crops, mirrored and transposed; the flow's components turn with the picture."""
        side, device = self.config.fit.crop_px, self.pairs.device
        stacked = torch.stack([self.pairs[c.place, :, c.y : c.y + side, c.x : c.x + side] for c in crops])
        mirror, transpose = (
            torch.tensor(flags, device=device).view(-1, 1, 1, 1)
            for flags in ([c.mirror for c in crops], [c.transpose for c in crops])
        )
        stacked = torch.where(mirror, stacked.flip(-1), stacked)
        stacked = torch.where(transpose, stacked.transpose(-1, -2), stacked)
        parts = _parts(stacked)
        for name in ("flow_to_sharp", "flow_to_blurry"):
            flow = parts[name]
            flow[:, :1] = torch.where(mirror, -flow[:, :1], flow[:, :1])
            flow.copy_(torch.where(transpose, flow.flip(1), flow))
        return stacked


def _parts(stacked: Tensor) -> dict[str, Tensor]:
    """(N, C, H, W) in its parts, which share its memory."""
    return dict(zip(CHANNELS, stacked.split(list(CHANNELS.values()), dim=1), strict=True))
