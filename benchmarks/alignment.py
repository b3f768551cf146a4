"""How close alignment brings the sharp picture of a misaligned pair to the truth, by flow alone and by matched blur.

    python -m benchmarks.alignment
    python -m benchmarks.alignment --photos PHOTOS --count 96 --shift 8

Synthetic scenes do not depend on the misalignment, so the true sharp picture is that of the same scene without any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from runtime.system.argument_types import existing_folder, number, positive
from runtime.system.command_line import command_parser, renamed, run_command

MODULE = "benchmarks.alignment"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--photos PHOTOS --count 96 --shift 8")
    add = parser.add_argument
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: procedural pictures)")
    add("--count", type=positive, default=64, metavar="N", help="pairs (default: 64)")
    add("--shift", type=number(0.0, 64.0), default=4.0, metavar="PX", help="largest shift along each axis (default: 4)")
    renamed(parser, "--pairs", "--count")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ReblurError: the photographs cannot be read.
    """
    from benchmarks.scoring.alignment import print_alignment

    print_alignment(arguments.photos, arguments.count, arguments.shift)
    return 0


if __name__ == "__main__":
    sys.exit(main())
