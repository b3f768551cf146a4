"""Pairs of photographs: finding them in a data set's folder, and reading them.

A pair is a blurry picture and a sharp one of the same scene and size, which need not be aligned.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from runtime.photos import exif
from runtime.photos.photo import read_photo
from runtime.system.errors import ReblurError
from train.data.dataset_layouts import LAYOUTS, SPLITS, TIFF_SUFFIXES, PairFiles, first_few
from train.data.photos import Picture

FULL_SCALE = {"uint8": 255, "uint16": 65535}
"""Sample type of a TIFF -> its white."""
FULL = 65535
Stored = NDArray[np.uint16]
"""(H, W, 3), ``FULL`` is 1.0: half the memory of float32, and exact for 8 and 16 bits a sample."""


def find_pairs(folder: Path, split: str = "train", layout: str = "auto") -> list[PairFiles]:
    """The pairs of a data set, in a fixed order.

    Args:
        folder: of the data set; a folder that is not divided into splits serves every split.
        split: "train", "val" or "test".
        layout: one of ``LAYOUTS``, or "auto".

    Raises:
        ReblurError: no such folder, split or layout; files without a partner; no pictures at all.
    """
    if split not in SPLITS:
        raise ReblurError(f"no split {split!r}: choose one of {', '.join(SPLITS)}")
    if layout != "auto" and layout not in LAYOUTS:
        raise ReblurError(f"no layout {layout!r}: choose auto or one of {', '.join(LAYOUTS)}")
    if not folder.is_dir():
        raise ReblurError(f"no folder of picture pairs at {folder}")
    name = _detect(folder) if layout == "auto" else layout
    chosen = LAYOUTS[name]
    sides = chosen.sides(folder, split)
    if sides is None:
        there = [other for other in SPLITS if chosen.sides(folder, other)]
        if there:
            raise ReblurError(f"{folder} (layout {name}) has no {split!r} split: it has {', '.join(there)}")
        raise ReblurError(f"{folder} is not of layout {name}: expected {chosen.shape}; found {_contents(folder)}")
    return chosen.pair(*sides)


def _detect(folder: Path) -> str:
    for name, layout in LAYOUTS.items():
        sides = next(filter(None, (layout.sides(folder, split) for split in SPLITS)), None)
        if sides and layout.fits(*sides):
            return name
    known = "; ".join(f"{name}: {layout.shape}" for name, layout in LAYOUTS.items())
    raise ReblurError(f"{folder} is of no known layout: found {_contents(folder)}; known are {known}")


def read_picture(path: Path) -> Picture:
    """Read a PNG, JPEG or TIFF, upright, 16 bits a sample kept: (H, W, 3) float32 in [0, 1]; grey becomes RGB.

    Raises:
        ReblurError: there is no such file, it is of another kind, or it is damaged.
    """
    return _read_tiff(path) if path.suffix.lower() in TIFF_SUFFIXES else read_photo(path).rgb


def read_stored(path: Path) -> Stored:
    """``read_picture``, to be held in memory."""
    return np.round(read_picture(path) * np.float64(FULL)).astype(np.uint16)


def as_pictures(blurry: Stored, sharp: Stored) -> tuple[Picture, Picture]:
    """A pair, or the same part of one, as float32 in [0, 1]."""
    return (blurry / np.float64(FULL)).astype(np.float32), (sharp / np.float64(FULL)).astype(np.float32)


def _read_tiff(path: Path) -> Picture:
    if not path.is_file():
        raise ReblurError(f"no photograph at {path}: check the path")
    if _header(path)[1] != 1:
        raise ReblurError(f"{path} is a TIFF that its metadata rotates: save it upright, or as PNG")
    # Pillow would halve the bits of 16-bit colour.
    log_level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    samples = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    cv2.utils.logging.setLogLevel(log_level)
    if samples is None:
        raise ReblurError(f"{path} is damaged, cut short or no TIFF picture: copy it again")
    if samples.dtype.name not in FULL_SCALE:
        raise ReblurError(f"{path} has {samples.dtype} samples: expected 8 or 16 bits")
    return np.ascontiguousarray(samples[..., ::-1] / np.float64(FULL_SCALE[samples.dtype.name]), np.float32)


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width, upright, from the header alone where that can be read.

    Raises:
        ReblurError: as ``read_picture``, as far as the header shows it.
    """
    size, orientation = _header(path)
    if size is None:
        height, width = read_picture(path).shape[:2]
        return height, width
    return size if orientation <= 4 else (size[1], size[0])


def pair_pictures(files: Sequence[PairFiles], index: int) -> tuple[Picture, Picture]:
    """The whole blurry and sharp picture of a pair, each (H, W, 3) float32 in [0, 1].

    Raises:
        ReblurError: one cannot be read, or they differ in size.
    """
    pair = files[index]
    blurry, sharp = read_picture(pair.blurry), read_picture(pair.sharp)
    _check_equal(pair, (blurry.shape[0], blurry.shape[1]), (sharp.shape[0], sharp.shape[1]))
    return blurry, sharp


def check_sizes(files: Sequence[PairFiles], least_px: int) -> None:
    """Look at every header, so that a run does not end after an hour.

    Raises:
        ReblurError: a pair's pictures differ in size, or one side is shorter than ``least_px``.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    for pair in files:
        for path in (pair.blurry, pair.sharp):
            if path not in sizes:
                sizes[path] = picture_size(path)
        height, width = sizes[pair.blurry]
        _check_equal(pair, sizes[pair.blurry], sizes[pair.sharp])
        if min(height, width) < least_px:
            raise ReblurError(
                f"{pair.blurry} is {width}x{height}: expected at least {least_px} px a side for the crops"
            )


def _header(path: Path) -> tuple[tuple[int, int] | None, int]:
    """Stored height and width, or None where Pillow does not know the kind of file, and EXIF Orientation."""
    try:
        with Image.open(path) as image:
            return (image.height, image.width), exif.read_upright(image)[1]
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return None, 1
    except OSError as error:
        raise ReblurError(f"cannot read {path}: {error.strerror or error}") from error


def _check_equal(pair: PairFiles, blurry: tuple[int, int], sharp: tuple[int, int]) -> None:
    if blurry != sharp:
        raise ReblurError(
            f"the pictures of a pair must have one size: {pair.blurry} is {blurry[1]}x{blurry[0]}, "
            f"{pair.sharp} is {sharp[1]}x{sharp[0]}"
        )


def _contents(folder: Path) -> str:
    names = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir() if not p.name.startswith("."))
    return first_few(set(names)) if names else "nothing"
