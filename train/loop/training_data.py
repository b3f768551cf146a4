"""What a run trains on and is measured on: synthetic scenes, or pairs of photographs. And the record of both.

The record names files and sizes, not folders: a run may go on where its data lies elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch

from runtime.system.errors import ReblurError
from train.config import RunConfig
from train.data.pair_pool import PairSource, align
from train.evaluation.held_out import HeldOut, held_out_scenes
from train.evaluation.summary import Figures, evaluate
from train.loop.device import warn
from train.loop.run_state import Provenance

NO_FILES = "none (procedural pictures)"
HELD_OUT_SEED = 990_001
"""Of the crops of held-out pairs."""


class TrainingData(NamedTuple):
    """What ``train.loop.trainer`` needs to know of data."""

    source: PairSource
    """Of the pairs to train on."""
    held_out: HeldOut | None
    """Pictures to measure on; sigma is NaN where nobody knows it. None in processes that measure nothing."""
    provenance: Provenance
    """The record: name of a part of the data -> what it was."""


def synthetic_data(
    config: RunConfig,
    photos: Path | None,
    held_out_photos: Path | None,
    *,
    measures: bool = True,
) -> TrainingData:
    """Synthetic scenes of the photographs in two folders; procedural ones where a folder is None.

    Args:
        config: of the run.
        photos: sharp photographs to train on.
        held_out_photos: others, to measure on.
        measures: whether held-out scenes are wanted in this process.

    Raises:
        ReblurError: a folder does not exist, holds no photograph, or one that cannot be read.
    """
    from train.data.photos import load_photo_bytes, load_photos
    from train.data.synthetic_pairs import SyntheticSource

    source = SyntheticSource(load_photo_bytes(photos) if photos else [], config)
    held_out = None
    if measures:
        pictures = load_photos(held_out_photos) if held_out_photos else []
        held_out = held_out_scenes(pictures, config, config.fit.held_out_scenes)
    return TrainingData(
        source,
        held_out,
        {"pairs": "synthetic scenes", "photos": of_folder(photos), "held-out photos": of_folder(held_out_photos)},
    )


def real_data(
    config: RunConfig,
    folder: Path,
    held_out_folder: Path | None = None,
    *,
    layout: str = "auto",
    split: str = "train",
    cache_folder: Path | None = None,
    measures: bool = True,
) -> TrainingData:
    """Crops of misaligned pairs of photographs.

    Measured is on crops of the "val" split of the data set, or of another folder of pairs. Where there is neither,
    procedural scenes stand in: the gain then tells whether the networks still deblur, not how well they do on
    pictures like these.

    Args:
        config: of the run.
        folder: of the data set.
        held_out_folder: of pairs to measure on.
        layout: of the data set, see ``train.data.dataset_layouts``.
        split: to train on.
        cache_folder: where optical flow is kept from run to run.
        measures: whether held-out pictures are wanted in this process.

    Raises:
        ReblurError: the folder holds no such data set, or a file cannot be read.
    """
    from train.data.pair_files import find_pairs
    from train.data.photo_pairs import RealSource

    size_px, seed = config.scenes.size_px, config.fit.seed
    files = find_pairs(folder, split=split, layout=layout)
    trained_on = {f.blurry for f in files}
    held_out_files = []
    try:
        found = find_pairs(held_out_folder or folder, split="val", layout=layout if not held_out_folder else "auto")
        held_out_files = [f for f in found if f.blurry not in trained_on]
    except ReblurError:
        if held_out_folder:
            raise
    held_out = None
    if measures and held_out_files:
        held_out_source = RealSource(held_out_files, size_px, HELD_OUT_SEED, cache_folder=cache_folder)
        held_out = held_out_pairs(held_out_source, config)
    elif measures:
        warn("no held-out pairs: the figures are of procedural scenes (give a val split, or --held-out-pairs)")
        held_out = held_out_scenes([], config, config.fit.held_out_scenes)
    return TrainingData(
        RealSource(files, size_px, seed, cache_folder=cache_folder),
        held_out,
        {
            "pairs": of_files(path for f in files for path in (f.blurry, f.sharp)),
            "held-out pairs": of_files(path for f in held_out_files for path in (f.blurry, f.sharp)),
        },
    )


def held_out_pairs(source: PairSource, config: RunConfig) -> HeldOut:
    """Held-out crops of misaligned pairs, the sharp picture moved onto the blurry one as in training.

    What alignment gets wrong counts as an error of input and output alike: compare figures within a run only.
    """
    pairs = source.pairs(0, config.fit.held_out_scenes)
    moved, mask = align(pairs, config.loss)
    return HeldOut(pairs.blurry, moved, torch.full_like(mask, math.nan))


def measure(deblur: torch.nn.Module, defocus: torch.nn.Module, data: HeldOut) -> Figures:
    """``figures.evaluate``, where the true sigma may be unknown: then the figures about it are NaN."""
    if data.sigma_px.isfinite().all():
        return evaluate(deblur, defocus, data)
    figures = evaluate(deblur, defocus, data._replace(sigma_px=torch.zeros_like(data.sigma_px)))
    return dataclasses.replace(
        figures,
        blurred_gain_db=math.nan,
        sigma_mae_px=math.nan,
        sigma_bias_px=math.nan,
        sigma_correlation=math.nan,
    )


def of_folder(folder: Path | None) -> str:
    """The record of the pictures of a folder."""
    return NO_FILES if folder is None else of_files(p for p in folder.iterdir() if not p.name.startswith("."))


def of_files(paths: Iterable[Path]) -> str:
    """The record of some files: how many, and a digest of their names and sizes."""
    entries = sorted({(path.name, path.stat().st_size) for path in paths})
    if not entries:
        return NO_FILES
    return f"{len(entries)} files, names and sizes {hashlib.sha256(repr(entries).encode()).hexdigest()[:12]}"
