"""A pool of misaligned pairs with their flow, renewed a little after every step.

Scene i is a pure function of (seed, i), and the pool at step t holds scenes t*refresh .. t*refresh + size - 1.
So a resumed run finds exactly the pool it left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from train.alignment import flow_between
from train.config import RunConfig
from train.data.misalign import misalign
from train.data.photos import Picture
from train.data.scenes import render_scene

FLIP_SIGN = np.array([-1.0, 1.0], np.float32)[:, None, None]


class Batch(NamedTuple):
    """A batch of misaligned pairs; the true sharp image and sigma are for evaluation, never for a loss."""

    blurry: Tensor
    """(B, 3, H, W), sRGB in [0, 1]."""
    sharp: Tensor
    """(B, 3, H, W), the misaligned sharp picture of the pair."""
    flow_to_sharp: Tensor
    """(B, 2, H, W), flow from ``blurry`` to ``sharp``, pixels."""
    flow_to_blurry: Tensor
    """(B, 2, H, W), flow from ``sharp`` to ``blurry``, pixels."""


class PairPool:
    """Random crops of a rolling window of synthetic misaligned pairs."""

    def __init__(self, photos: list[Picture], config: RunConfig, step: int = 0) -> None:
        self.photos = photos
        self.config = config
        size, side = config.fit.pool_size, config.scenes.size_px
        # Channels: blurry 0-2, sharp 3-5, flow to sharp 6-7, flow to blurry 8-9.
        self.pairs = np.empty((size, 10, side, side), np.float32)
        self.step = step
        first = step * config.fit.pool_refresh
        for index in tqdm(range(first, first + size), desc="scenes", unit="scene", leave=False):
            self.pairs[index % size] = self.pair(index)

    def pair(self, index: int) -> NDArray[np.float32]:
        """Pair ``index`` as (10, size, size); depends on the seed and the index alone."""
        rng = np.random.default_rng((self.config.fit.seed, index))
        scene = render_scene(self.photos, self.config.scenes, rng)
        sharp = misalign(scene.sharp, self.config.misalign, rng)
        to_sharp, to_blurry = flow_between(scene.blurry, sharp), flow_between(sharp, scene.blurry)
        return np.concatenate([scene.blurry.transpose(2, 0, 1), sharp.transpose(2, 0, 1), to_sharp, to_blurry])

    def next_batch(self) -> Batch:
        """The crops of this step; then the oldest pairs give way to new ones."""
        fit, side = self.config.fit, self.config.scenes.size_px
        rng = np.random.default_rng((fit.seed, 1, self.step))
        crops = []
        for index in rng.integers(0, fit.pool_size, fit.batch_size):
            y, x = rng.integers(0, side - fit.crop_px + 1, 2)
            crops.append(_augment(self.pairs[index, :, y : y + fit.crop_px, x : x + fit.crop_px], rng))
        first_new = self.step * fit.pool_refresh + fit.pool_size
        for index in range(first_new, first_new + fit.pool_refresh):
            self.pairs[index % fit.pool_size] = self.pair(index)
        self.step += 1
        stacked = torch.from_numpy(np.stack(crops))
        return Batch(stacked[:, 0:3], stacked[:, 3:6], stacked[:, 6:8], stacked[:, 8:10])


def _augment(pair: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Mirror and transpose; the flow's components turn with the picture."""
    if rng.uniform() < 0.5:
        pair = pair[:, :, ::-1].copy()
        pair[6:8] *= FLIP_SIGN
        pair[8:10] *= FLIP_SIGN
    if rng.uniform() < 0.5:
        pair = pair.transpose(0, 2, 1)[[0, 1, 2, 3, 4, 5, 7, 6, 9, 8]]
    return np.ascontiguousarray(pair)
