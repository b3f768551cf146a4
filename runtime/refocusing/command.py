"""From the command line of ``runtime.refocus`` to the picture and what is said about it."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from runtime.photos.photo import Photo, check_writable_as_photo, read_photo, resize, write_photo
from runtime.refocusing import optics
from runtime.refocusing.pipeline import Analysis, RefocusPipeline, check_long_side, working_size
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.paths import check_folder_can_be_made, check_outputs
from runtime.system.progress import ProgressLine

MAX_ASPECT_MISMATCH = 0.02
DISPARITY_RANGE = 12 / 1024
"""Difference in defocus over a map's whole range at the reference aperture, relative to the long side."""
SIGMA, SHARP = "sigma.png", "sharp.png"
"""Names of the maps."""


def parse_focus(text: str) -> tuple[float, float]:
    """The point that a text such as 0.52,0.31 names.

    Raises:
        ReblurError: not two numbers.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ReblurError(f"focus must be two numbers such as 0.52,0.31, got {text!r}") from error
    return x, y


def read_disparity(path: Path, photo: Photo, size_px: tuple[int, int]) -> FloatArray:
    """A disparity map from a picture file, resized to the working size.

    Returns:
        (h, w) in [0, 1], larger is nearer.

    Raises:
        ReblurError: it cannot be read, or has not the photograph's proportions.
    """
    disparity = read_photo(path).rgb[..., 0]
    height, width = photo.size_px
    if abs(disparity.shape[1] * height / (disparity.shape[0] * width) - 1.0) > MAX_ASPECT_MISMATCH:
        raise ReblurError(
            f"{path} must have the proportions of the photograph, {width}x{height}, "
            f"got {disparity.shape[1]}x{disparity.shape[0]}"
        )
    return resize(disparity, *size_px)


def save_maps(directory: Path, analysis: Analysis, sigma_max_px: float, photo: Photo) -> None:
    """Write sigma.png (grey: black is 0 px, white ``sigma_max_px``) and sharp.png into ``directory``."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReblurError(f"cannot make the folder {directory}: {error.strerror}") from error
    grey = np.repeat(analysis.sigma_px[..., None] / sigma_max_px, 3, axis=2)
    write_photo(directory / SIGMA, grey, like=Photo(samples=grey))
    write_photo(directory / SHARP, analysis.sharp, like=photo)


def refocus(options: argparse.Namespace) -> dict[str, object]:
    """Do it; returns what was done.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    focus_xy = parse_focus(options.focus)
    optics.check_tap(focus_xy, options.aperture)
    if options.long_side is not None:
        check_long_side(options.long_side)
    maps = options.save_maps
    check_outputs(
        {
            "the result": options.out,
            "the blur map": maps and maps / SIGMA,
            "the all-in-focus picture": maps and maps / SHARP,
        },
        {"the photograph": options.photo, "the disparity": options.disparity, "the key": options.public_key},
    )
    if maps is not None:
        check_folder_can_be_made(maps)
    watch = Stopwatch()
    photo = read_photo(options.photo)
    photo_size_px = photo.size_px
    check_writable_as_photo(options.out, photo)
    if options.long_side is not None:
        photo = smaller(photo, *working_size(*photo.size_px, options.long_side))
    watch.lap("read_s")
    pipeline = RefocusPipeline.open(
        options.artifacts,
        options.backend,
        options.precision,
        num_threads=options.threads,
        public_key=options.public_key,
    )
    watch.lap("load_s")
    with ProgressLine("analysing tile") as progress:
        analysis = pipeline.analyse(photo, progress)
    watch.lap("analysis_s")
    known, source = known_disparity(options, photo, analysis.size_px)
    defocus_px = None if known is None else optics.defocus_from_disparity(known, DISPARITY_RANGE * max(known.shape))
    with ProgressLine("refocusing row") as progress:
        picture = pipeline.refocus_photo(photo, focus_xy, options.aperture, defocus_px=defocus_px, on_progress=progress)
    watch.lap("refocus_s")
    write_photo(options.out, picture, like=photo)
    watch.lap("write_s")
    if options.save_maps is not None:
        save_maps(options.save_maps, analysis, pipeline.sigma_max_px, photo)
    return {
        "out": str(options.out),
        "size_px": photo.size_px,
        "photo_size_px": photo_size_px,
        "working_size_px": analysis.size_px,
        "backend": options.backend,
        "precision": pipeline.precision,
        "depth": source,
        **watch.laps,
        "maps": None if options.save_maps is None else str(options.save_maps),
        "sigma_max_px": pipeline.sigma_max_px,
    }


def known_disparity(
    options: argparse.Namespace, photo: Photo, size_px: tuple[int, int]
) -> tuple[FloatArray | None, str]:
    """What is known of depth, (h, w) in [0, 1] with 1 at the nearest, or None; and where that is from.

    Raises:
        ReblurError: the file that was named is none, or has other proportions.
    """
    if options.disparity is not None:
        return read_disparity(options.disparity, photo, size_px), str(options.disparity)
    if photo.depth is None or options.no_depth:
        return None, "estimated blur"
    return resize(photo.depth.disparity, *size_px), photo.depth.kind


class Stopwatch:
    """Seconds from one lap to the next, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a lap."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def smaller(photo: Photo, height: int, width: int) -> Photo:
    """The photograph at a smaller size."""
    if photo.size_px == (height, width):
        return photo
    return dataclasses.replace(photo, samples=photo.as_samples(resize(photo.samples, height, width)))


def in_words(done: dict) -> str:
    """What was done, in one line."""
    (height, width), (photo_height, photo_width) = done["size_px"], done["photo_size_px"]
    maps = f"; maps in {done['maps']} (sigma.png: white is {done['sigma_max_px']:g} px)" if done["maps"] else ""
    return (
        f"wrote {done['out']}, {width}x{height} px of {photo_width}x{photo_height}, "
        f"{done['backend']} {done['precision']}, by {done['depth']}: analysis {done['analysis_s']:.2f} s, "
        f"refocus {done['refocus_s']:.2f} s{maps}"
    )
