"""Refocus a photograph on a point, every picture of a folder, or sweep the focus through one.

    python -m runtime.refocus photo.jpg --focus 0.52,0.31 --aperture 1.4 --out refocused.jpg
    python -m runtime.refocus photos/ --focus auto --out refocused/
    python -m runtime.refocus photo.jpg --focus auto --sweep 24 --aperture 0.8 --out sweep.webp

The picture comes out at the photograph's own size, or smaller (--long-side), with its EXIF and ICC profile.

Exit code: 0 all pictures are written, 2 wrong use or a picture that cannot be read, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from runtime.refocusing.defaults import BOKEH, DEPTH_UNITS, GAUSSIAN, INVERSE, REFERENCE_F_NUMBER
from runtime.system.argument_types import at_least, positive
from runtime.system.command_line import add_json, add_threads, command_parser, print_json, run_command, words_of

MODULE = "runtime.refocus"
MOST_FRAMES = 500


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(_attached(words_of(argv)))))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    example = "photo.jpg --focus 0.52,0.31 --aperture 1.4 --out refocused.jpg"
    exit_codes = "0 all pictures are written, 2 wrong use or a picture that cannot be read, 130 interrupted"
    parser = command_parser(MODULE, prog, example=example, exit_codes=exit_codes)
    add = parser.add_argument
    add(
        "photo",
        type=Path,
        metavar="PHOTO",
        help="JPEG, PNG, WebP, AVIF or (with reblur[heif]) HEIC; or a folder of them",
    )
    add("--focus", required=True, metavar="X,Y", help="point to focus on, from 0,0 (top left) to 1,1; or auto")
    aperture = "f-number; at %(default)s (default) blur differs as in the photograph, below it more"
    add("--aperture", type=float, default=REFERENCE_F_NUMBER, metavar="N", help=aperture)
    bokeh = "what lights out of focus become; all else is gaussian; default: %(default)s"
    add("--bokeh", choices=BOKEH, default=GAUSSIAN, help=bokeh)
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to write; the extension says the format; of a folder a folder",
    )
    artifacts = "folder that an export wrote; default: %(default)s"
    add("--artifacts", type=Path, default=Path("artifacts"), metavar="FOLDER", help=artifacts)
    add("--backend", default="tflite", help="tflite (default), executorch, onnx or coreml")
    add("--precision", help="fp32, fp16 or int8 (default: the finest of the back end)")
    long_side = "longest side of the result; default: the photograph's own"
    add("--long-side", type=positive, metavar="PX", help=long_side)
    disparity = "picture of depth, in shades of grey, to go by instead of the estimated blur"
    add("--disparity", type=Path, metavar="FILE", help=disparity)
    unit = "what its numbers are: inverse depth, near bright, or metres (any multiple), near dark; default: %(default)s"
    add("--disparity-is", choices=DEPTH_UNITS, default=INVERSE, help=unit)
    add("--no-depth", action="store_true", help="go by the estimated blur though the photograph carries depth")
    add(
        "--save-maps",
        type=Path,
        metavar="FOLDER",
        help="also write blur map (16 bit, px/1000, and in colours) and all-in-focus picture here",
    )
    public_key = "PEM; refuse an artifacts folder that is not signed with its other half"
    add("--public-key", type=Path, metavar="KEY", help=public_key)
    sweep = "focus from near to far and back in so many frames each way; --out is an animated WebP"
    add("--sweep", type=at_least(2, MOST_FRAMES), metavar="N", help=sweep)
    add_threads(parser)
    add_json(parser)
    return parser


def _attached(argv: Sequence[str]) -> list[str]:
    """``--focus X,Y`` as ``--focus=X,Y``: argparse would take a negative point for an option of its own."""
    words = list(argv)
    while "--focus" in words[:-1]:
        at = words.index("--focus")
        words[at : at + 2] = [f"--focus={words[at + 1]}"]
    return words


def run(arguments: argparse.Namespace) -> int:
    """Refocus, and say what was done.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from runtime.refocusing.command import in_words, refocus

    with warnings.catch_warnings(record=True) as raised:
        all_done = refocus(arguments)
    for message in dict.fromkeys(str(warning.message) for warning in raised):
        print(f"warning: {message}", file=sys.stderr)
    if arguments.json:
        print_json({"results": all_done} if arguments.photo.is_dir() else all_done[0])
    else:
        for done in all_done:
            print(in_words(done))
    return 2 if any("error" in done for done in all_done) else 0


if __name__ == "__main__":
    sys.exit(main())
