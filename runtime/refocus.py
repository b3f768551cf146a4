"""Refocus a photograph on a point.

    python -m runtime.refocus photo.jpg --focus 0.52,0.31 --aperture 1.4 --out refocused.jpg

The picture comes out at the working size (--long-side), with the photograph's EXIF and ICC profile.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.photos.photo import FloatArray, Photo, check_writable_as_photo, read_photo, resize, write_photo
from runtime.refocusing import optics
from runtime.refocusing.pipeline import WORKING_LONG_SIDE_PX, Analysis, RefocusPipeline
from runtime.system.errors import ReblurError
from runtime.system.progress import ProgressLine

MAX_ASPECT_MISMATCH = 0.02


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m runtime.refocus", description="Refocus a photograph on a point.")
    parser.add_argument("photo", type=Path, help="JPEG or PNG")
    parser.add_argument("--focus", required=True, metavar="X,Y", help="point to focus on, from 0,0 (top left) to 1,1")
    parser.add_argument(
        "--aperture",
        type=float,
        default=optics.REFERENCE_F_NUMBER,
        metavar="N",
        help="f-number; at %(default)s (default) blur differs as in the photograph, below it more",
    )
    parser.add_argument("--out", type=Path, required=True, help="where to write: .jpg, .jpeg or .png")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), help="folder that `make export` wrote")
    parser.add_argument("--backend", default="tflite", help="tflite (default), executorch, onnx or coreml")
    parser.add_argument("--precision", help="fp32, fp16 or int8 (default: the finest of the back end)")
    parser.add_argument(
        "--long-side",
        type=int,
        default=WORKING_LONG_SIDE_PX,
        metavar="PX",
        help="longest side to work at, and of the result (default %(default)s); pictures are never enlarged",
    )
    parser.add_argument(
        "--disparity",
        type=Path,
        metavar="FILE",
        help="picture of inverse depth (either polarity) to go by instead of the estimated blur",
    )
    parser.add_argument(
        "--save-maps",
        type=Path,
        metavar="DIR",
        help="also write the blur map and the all-in-focus picture here",
    )
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="KEY",
        help="PEM; refuse an artifacts folder that is not signed with its other half",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    return parser.parse_args(_attached(sys.argv[1:] if argv is None else argv))


def _attached(argv: Sequence[str]) -> list[str]:
    """``--focus X,Y`` as ``--focus=X,Y``: argparse would take a negative point for an option of its own."""
    words = list(argv)
    while "--focus" in words[:-1]:
        at = words.index("--focus")
        words[at : at + 2] = [f"--focus={words[at + 1]}"]
    return words


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
    write_photo(directory / "sigma.png", grey, like=Photo(rgb=grey))
    write_photo(directory / "sharp.png", analysis.sharp, like=photo)


def refocus(options: argparse.Namespace) -> str:
    """Do it, and say in one line what was done."""
    focus_xy = parse_focus(options.focus)
    optics.check_tap(focus_xy, options.aperture)
    if options.threads is not None and options.threads < 1:
        raise ReblurError(f"--threads must be 1 or more, got {options.threads}")
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
    maps = ""
    if options.save_maps is not None:
        save_maps(options.save_maps, analysis, sigma_max_px, photo)
        maps = f"; maps in {options.save_maps} (sigma.png: white is {sigma_max_px:g} px)"
    (height, width), (photo_height, photo_width) = analysis.size_px, analysis.photo_size_px
    return (
        f"wrote {options.out}, {width}x{height} px of {photo_width}x{photo_height}, "
        f"{options.backend} {pipeline.precision}: analysis {analysed - started:.2f} s, "
        f"refocus {refocused - tapped:.2f} s{maps}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry: 0 when the picture is written, 2 on bad input, 130 when interrupted."""
    options = parse(argv)
    try:
        with warnings.catch_warnings(record=True) as raised:
            done = refocus(options)
        for message in dict.fromkeys(str(warning.message) for warning in raised):
            print(f"warning: {message}", file=sys.stderr)
        print(done)
    except ReblurError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
