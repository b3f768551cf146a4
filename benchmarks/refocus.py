"""How good refocusing is where its exact answer is known, and what each way of it costs.

    python -m benchmarks.refocus [FOLDER]        (after `make export`; FOLDER defaults to artifacts)
    python -m benchmarks.refocus --size 384x512 --pictures outlines
    python -m benchmarks.refocus --beside sharp.jpg depth.png theirs.jpg --pictures beside

Scenes of layers at known depths, composited in light, are refocused by our graph, a plain gather, a scatter renderer
and a stack of Gaussians by OpenCV: PSNR of the whole picture, in a band of 3 sigma around outlines and elsewhere, SSIM.
LVCorr is the rank correlation of the blur asked for with the variance of the result's Laplacian, over apertures, with
its sign turned. Lamps at night, a picture by day and the scenes, with lights blurred by the graph and drawn as discs,
are also held against a lens of even discs. Times are of this machine, in one run, one way after the other in turn.

With --beside only that is done: a picture all in focus is refocused by a map of inverse depth as somebody else did it,
at the focus and strength with which ours comes nearest to theirs, and the three are written side by side.

Exit code: 0 the tables were printed, 2 wrong use or no export, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import size_px
from runtime.system.command_line import add_json, add_threads, command_parser, print_json, run_command

MODULE = "benchmarks.refocus"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 the tables were printed, 2 wrong use or no export there, 130 interrupted"
    parser = command_parser(MODULE, prog, example="artifacts --size 384x512", exit_codes=codes)
    add = parser.add_argument
    folder = "that an export wrote; default: artifacts"
    add("directory", type=Path, nargs="?", default=Path("artifacts"), metavar="FOLDER", help=folder)
    add("--size", type=size_px, default="384x512", metavar="HxW", help="of the scenes (default: %(default)s)")
    add("--pictures", type=Path, metavar="FOLDER", help="also write every scene and answer side by side here")
    names = ("SHARP", "DEPTH", "THEIRS")
    add("--beside", type=Path, nargs=3, action="append", metavar=names, help="ours beside somebody else's; repeatable")
    add_threads(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ReblurError: there is no export.
    """
    from benchmarks.scoring import refocus as scoring

    if arguments.beside:
        rows = scoring.beside_others(arguments.directory, arguments.beside, arguments.threads, arguments.pictures)
        print_json(rows) if arguments.json else print(scoring.in_table(rows))
    else:
        found = scoring.measure(arguments.directory, arguments.size, arguments.threads, arguments.pictures)
        print_json(found) if arguments.json else print(scoring.in_tables(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
