"""From the command line of ``runtime.refocus`` to the picture and what is said about it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from runtime.photos.photo import Photo, check_writable_as_photo, read_photo, resize, write_photo
from runtime.refocusing import optics
from runtime.refocusing.pipeline import Analysis, RefocusPipeline
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.paths import check_folder_can_be_made, check_outputs
from runtime.system.progress import ProgressLine

MAX_ASPECT_MISMATCH = 0.02
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
    height, width = photo.rgb.shape[:2]
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
    write_photo(directory / SIGMA, grey, like=Photo(rgb=grey))
    write_photo(directory / SHARP, analysis.sharp, like=photo)


def refocus(options: argparse.Namespace) -> dict[str, object]:
    """Do it; returns what was done.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    focus_xy = parse_focus(options.focus)
    optics.check_tap(focus_xy, options.aperture)
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
    photo = read_photo(options.photo)
    check_writable_as_photo(options.out, photo)
    pipeline = RefocusPipeline.open(
        options.artifacts,
        options.backend,
        options.precision,
        num_threads=options.threads,
        working_long_side_px=options.long_side,
        public_key=options.public_key,
    )
    started = time.perf_counter()
    with ProgressLine("analysing tile") as progress:
        analysis = pipeline.analyse(photo, progress)
    analysed = time.perf_counter()
    defocus_px = None
    sigma_max_px = pipeline.sigma_max_px
    if options.disparity is not None:
        disparity = read_disparity(options.disparity, photo, analysis.size_px)
        defocus_px = optics.defocus_from_disparity(disparity, sigma_max_px)
    tapped = time.perf_counter()
    picture = pipeline.refocus(focus_xy, options.aperture, defocus_px=defocus_px)
    refocused = time.perf_counter()
    write_photo(options.out, picture, like=photo)
    if options.save_maps is not None:
        save_maps(options.save_maps, analysis, sigma_max_px, photo)
    return {
        "out": str(options.out),
        "size_px": analysis.size_px,
        "photo_size_px": analysis.photo_size_px,
        "backend": options.backend,
        "precision": pipeline.precision,
        "analysis_s": round(analysed - started, 3),
        "refocus_s": round(refocused - tapped, 3),
        "maps": None if options.save_maps is None else str(options.save_maps),
        "sigma_max_px": sigma_max_px,
    }


def in_words(done: dict) -> str:
    """What was done, in one line."""
    (height, width), (photo_height, photo_width) = done["size_px"], done["photo_size_px"]
    maps = f"; maps in {done['maps']} (sigma.png: white is {done['sigma_max_px']:g} px)" if done["maps"] else ""
    return (
        f"wrote {done['out']}, {width}x{height} px of {photo_width}x{photo_height}, "
        f"{done['backend']} {done['precision']}: analysis {done['analysis_s']:.2f} s, "
        f"refocus {done['refocus_s']:.2f} s{maps}"
    )
