import dataclasses

import numpy as np
import pytest
import torch

from train.alignment import warp
from train.config import RunConfig
from train.data.pool import PairPool, _augment
from train.presets import smoke


@pytest.fixture(scope="module")
def config() -> RunConfig:
    base = smoke()
    return dataclasses.replace(base, fit=dataclasses.replace(base.fit, pool_size=6, batch_size=3))


def test_a_pool_started_later_equals_one_that_got_there(config: RunConfig) -> None:
    walked = PairPool([], config)
    for _ in range(4):
        walked.next_batch()
    started = PairPool([], config, step=4)
    np.testing.assert_array_equal(walked.pairs, started.pairs)
    for a, b in zip(walked.next_batch(), started.next_batch(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_pairs_are_renewed(config: RunConfig) -> None:
    pool = PairPool([], config)
    before = pool.pairs.copy()
    pool.next_batch()
    changed = [i for i in range(6) if not np.array_equal(before[i], pool.pairs[i])]
    assert changed == [0]


def test_batches_have_their_shapes(config: RunConfig) -> None:
    batch = PairPool([], config).next_batch()
    assert batch.blurry.shape == batch.sharp.shape == (3, 3, 64, 64)
    assert batch.flow_to_sharp.shape == batch.flow_to_blurry.shape == (3, 2, 64, 64)


@pytest.mark.parametrize("seed", range(6))
def test_augmentation_turns_the_flow_with_the_picture(seed: int) -> None:
    generator = torch.Generator().manual_seed(0)
    sharp = torch.nn.functional.interpolate(
        torch.rand(1, 3, 12, 12, generator=generator), scale_factor=4, mode="bicubic"
    )
    pair = torch.zeros(10, 48, 48)
    pair[0:3] = torch.roll(sharp[0], (-1, -3), dims=(1, 2))  # blurry(p) = sharp(p + (3, 1))
    pair[3:6] = sharp[0]
    pair[6], pair[7], pair[8], pair[9] = 3.0, 1.0, -3.0, -1.0
    turned = torch.from_numpy(_augment(pair.numpy(), np.random.default_rng(seed)))[None]
    error = warp(turned[:, 3:6], turned[:, 6:8]) - turned[:, 0:3]
    assert float(error[..., 6:-6, 6:-6].abs().max()) < 1e-4
