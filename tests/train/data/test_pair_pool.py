import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from train.config import RunConfig
from train.data.alignment import warp
from train.data.pair_pool import PairPool, Pairs, align
from train.presets import smoke

SIDE = smoke().scenes.size_px


class Shifted:
    """Pair i shows a smooth picture of its own; blurry(p) = sharp(p + (3, 1))."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def pairs(self, first: int, count: int) -> Pairs:
        self.made += range(first, first + count)
        sharp = torch.stack([self.picture(index) for index in range(first, first + count)])
        there = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1).expand(count, -1, SIDE, SIDE)
        return Pairs(torch.roll(sharp, (-1, -3), dims=(2, 3)), sharp, there, -there)

    @staticmethod
    def picture(index: int) -> torch.Tensor:
        coarse = torch.rand(1, 3, SIDE // 4, SIDE // 4, generator=torch.Generator().manual_seed(index))
        return F.interpolate(coarse, scale_factor=4, mode="bicubic")[0].clamp(0, 1)


def config_with(**fit: Any) -> RunConfig:
    base = smoke()
    settings: dict[str, Any] = {"pool_size": 6, "batch_size": 4, "refresh_every": 1} | fit
    loss = dataclasses.replace(base.loss, alignment="flow")
    return dataclasses.replace(base, fit=dataclasses.replace(base.fit, **settings), loss=loss)


def pool_of(config: RunConfig, step: int = 0) -> PairPool:
    return PairPool(Shifted(), config, step)


@pytest.mark.parametrize("refresh_every", [1, 3])
def test_a_pool_started_later_equals_one_that_got_there(refresh_every: int) -> None:
    config = config_with(refresh_every=refresh_every)
    walked = pool_of(config)
    for _ in range(4):
        walked.next_batch()
    started = pool_of(config, step=4)
    torch.testing.assert_close(walked.pairs, started.pairs, rtol=0, atol=0)
    for a, b in zip(walked.next_batch(), started.next_batch(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize(("settings", "made"), [({}, 10), ({"refresh_every": 2}, 8), ({"pool_refresh": 0}, 6)])
def test_pairs_are_renewed_as_often_as_asked_for(settings: dict[str, int], made: int) -> None:
    pool = pool_of(config_with(**settings))
    for _ in range(4):
        pool.next_batch()
    assert isinstance(pool.source, Shifted)
    assert pool.source.made == list(range(made))


def test_pairs_made_by_other_processes_are_the_same() -> None:
    config = config_with(refresh_every=2)
    waiting, ahead = pool_of(config), PairPool(Shifted(), config, workers=2)
    for _ in range(5):
        for a, b in zip(waiting.next_batch(), ahead.next_batch(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
    torch.testing.assert_close(waiting.pairs, ahead.pairs, rtol=0, atol=0)


def test_the_oldest_pair_goes_first() -> None:
    pool = pool_of(config_with())
    before = pool.pairs.clone()
    pool.next_batch()
    changed = [i for i in range(6) if not torch.equal(before[i], pool.pairs[i])]
    assert changed == [0]


def test_several_processes_share_the_batch_of_one() -> None:
    config = config_with()
    whole = pool_of(config).next_batch()
    parts = [pool_of(config).next_batch(rank, 2) for rank in range(2)]
    for field, value in whole._asdict().items():
        torch.testing.assert_close(torch.stack([getattr(p, field) for p in parts], 1).flatten(0, 1), value)
    assert whole.place.tolist() == [0.0, 0.25, 0.5, 0.75]


def test_crops_turn_with_their_flow() -> None:
    """Mirrored and transposed crops still say where the sharp picture shows what the blurry one does."""
    pool = pool_of(config_with(batch_size=48))
    batch = pool.next_batch()
    assert len({tuple(f[:, 20, 20].tolist()) for f in batch.flow_to_sharp}) == 4  # every turn occurs
    for moved in (warp(batch.sharp, batch.flow_to_sharp), batch.moved_sharp):
        assert float((moved - batch.blurry)[..., 6:-6, 6:-6].abs().max()) < 1e-4
    back = warp(batch.blurry, batch.flow_to_blurry)
    assert float((back - batch.sharp)[..., 6:-6, 6:-6].abs().max()) < 1e-4


def test_triplets_are_made_of_every_pair_and_of_those_that_come() -> None:
    def reblur(moved: torch.Tensor, blurry: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return moved * 0.5, blurry[:, :1] + 1.0

    pool = pool_of(config_with())
    pool.make_triplets(reblur)
    for _ in range(2):
        batch = pool.next_batch()
        torch.testing.assert_close(batch.reblurred, batch.moved_sharp * 0.5)
        torch.testing.assert_close(batch.sigma_px, batch.blurry[:, :1] + 1.0)


def test_before_that_there_are_none() -> None:
    batch = pool_of(config_with()).next_batch()
    assert not batch.reblurred.any()
    assert not batch.sigma_px.any()


def test_matched_alignment_corrects_a_wrong_flow_and_the_exposure() -> None:
    base = smoke()
    pairs = Shifted().pairs(0, 1)
    wrong = pairs._replace(sharp=pairs.sharp * 0.95, flow_to_sharp=pairs.flow_to_sharp + 1.5)
    moved, mask = align(wrong, base.loss)
    inner = (..., slice(12, -12), slice(12, -12))
    assert np.mean(mask[inner].numpy()) > 0.95
    assert float((moved - pairs.blurry)[inner].abs().mean()) < 0.01
    by_flow, _ = align(wrong, dataclasses.replace(base.loss, alignment="flow"))
    assert float((by_flow - pairs.blurry)[inner].abs().mean()) > 0.02
