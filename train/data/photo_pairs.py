"""Training pairs from photographs: seeded crops of misaligned pictures, each with its flow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from train.data.flow_cache import FlowCache, Flows, Recent
from train.data.pair_files import PairFiles, Stored, as_pictures, check_sizes, read_stored
from train.data.pair_pool import Pairs
from train.data.photos import Picture, sharpness
from train.progress import progress_bar

CROPS_IN_A_ROW = 4
"""Consecutive pairs cut from the same pictures: these must be decoded that much less often."""
DRAWS = 3
"""Windows drawn for a crop; the one with most detail is taken, since flat areas teach little."""
PICTURE_BYTES = 2 << 30
FLOW_BYTES = 1 << 30
BAR_FROM = 8
"""Pairs of files that must be visited before a progress bar is worth its line."""


class Crop(NamedTuple):
    """The same scene cut from a blurry and a sharp picture at whole pixels; nothing is interpolated."""

    blurry: Picture
    """(S, S, 3), sRGB in [0, 1]."""
    sharp: Picture
    """(S, S, 3), cut where the median flow of the blurry window points."""
    flows: FloatArray
    """(4, S, S) px, as ``Flows``: what flow is left between the two."""


class RealSource:
    """Pairs of crops from pictures on disk; a ``PairSource``.

    Pictures are decoded when needed and, like flow, held in memory up to a bound.
    """

    def __init__(
        self,
        files: Sequence[PairFiles],
        size_px: int,
        seed: int,
        *,
        cache_folder: Path | None = None,
        picture_bytes: int = PICTURE_BYTES,
        flow_bytes: int = FLOW_BYTES,
    ) -> None:
        """Look at the headers of all files.

        Args:
            files: the picture pairs.
            size_px: side of a crop.
            seed: of the choice of crops.
            cache_folder: where flow is kept from run to run; None computes it in each.
            picture_bytes: memory for decoded pictures.
            flow_bytes: memory for flow.

        Raises:
            ReblurError: there are no files, one cannot be read, a pair's sizes differ or are smaller than a crop.
        """
        if not files:
            raise ReblurError("no pairs of pictures to train on: expected at least one")
        check_sizes(files, size_px)
        self.files = list(files)
        self.size_px = size_px
        self.seed = seed
        self._pictures: Recent[Path] = Recent(picture_bytes)
        self._flows = FlowCache(cache_folder, flow_bytes)

    def pairs(self, first: int, count: int) -> Pairs:
        """Pairs ``first`` to ``first + count - 1``; pair i is a pure function of the files, the seed and i."""
        size = self.size_px
        made = np.empty((count, 10, size, size), np.float32)
        visits: dict[int, list[int]] = {}
        for index in range(first, first + count):
            visits.setdefault(self.file_of(index), []).append(index)
        bar = progress_bar(
            visits.items(), desc="cutting pairs", unit="picture", leave=False, visible=len(visits) >= BAR_FROM
        )
        for file_index, indices in bar:
            pair = self.files[file_index]
            blurry, sharp = self._stored(pair.blurry), self._stored(pair.sharp)
            flows = self._flows.flows(pair, partial(as_pictures, blurry, sharp))
            for index in indices:
                rng = np.random.default_rng((self.seed, 3, index))
                crop = best_crop(blurry, sharp, flows, size, rng)
                made[index - first, 0:3] = crop.blurry.transpose(2, 0, 1)
                made[index - first, 3:6] = crop.sharp.transpose(2, 0, 1)
                made[index - first, 6:10] = crop.flows
        tensors = torch.from_numpy(made)
        return Pairs(*(part.contiguous() for part in tensors.split((3, 3, 2, 2), dim=1)))

    def file_of(self, index: int) -> int:
        """Which of ``files`` pair ``index`` is cut from; every file has its turn before any has its second."""
        turn = index // CROPS_IN_A_ROW
        epoch, place = divmod(turn, len(self.files))
        return int(np.random.default_rng((self.seed, 2, epoch)).permutation(len(self.files))[place])

    def _stored(self, path: Path) -> Stored:
        return self._pictures.get(path, partial(read_stored, path))


def best_crop(blurry: Stored, sharp: Stored, flows: Flows, size_px: int, rng: np.random.Generator) -> Crop:
    """Of ``DRAWS`` random crops, the one whose sharp window has most detail.

    Args:
        blurry: (H, W, 3).
        sharp: (H, W, 3).
        flows: (4, H, W), of the whole pictures.
        size_px: side of a crop.
        rng: source of the draws.
    """
    height, width = blurry.shape[:2]
    best, most = None, -1.0
    for _ in range(DRAWS):
        y, x = int(rng.integers(0, height - size_px + 1)), int(rng.integers(0, width - size_px + 1))
        crop = cut(blurry, sharp, flows, y, x, size_px)
        detail = sharpness(crop.sharp)
        if detail > most:
            best, most = crop, detail
    assert best is not None
    return best


def cut(blurry: Stored, sharp: Stored, flows: Flows, y: int, x: int, size_px: int) -> Crop:
    """The blurry window at (y, x), and the sharp one where its median flow points, kept inside the picture."""
    height, width = blurry.shape[:2]
    here = (slice(y, y + size_px), slice(x, x + size_px))
    to_sharp = flows[0:2, *here].astype(np.float32)
    median_x, median_y = (round(float(np.median(component))) for component in to_sharp)
    sharp_y = min(max(y + median_y, 0), height - size_px)
    sharp_x = min(max(x + median_x, 0), width - size_px)
    there = (slice(sharp_y, sharp_y + size_px), slice(sharp_x, sharp_x + size_px))
    offset = np.array([sharp_x - x, sharp_y - y], np.float32)[:, None, None]
    to_blurry = flows[2:4, *there].astype(np.float32)
    left = np.concatenate([to_sharp - offset, to_blurry + offset])
    return Crop(*as_pictures(blurry[here], sharp[there]), left)
