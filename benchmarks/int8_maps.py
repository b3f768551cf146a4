"""How far the int8 defocus maps are from the float network's on evenly blurred photographs, beyond the gates' cases.

    python -m benchmarks.int8_maps [FOLDER]        (after `make export`; FOLDER defaults to artifacts)

The gates ask one evenly blurred photograph. Here each check picture is blurred evenly by several sigmas, where the map
should be flat and eight bits show most: mean and 99th percentile of the absolute error in pixels, for each file.

Exit code: 0 the table was printed, 2 there is no export, or it was not made from the shipped checkpoint, 130
interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.int8_maps"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 the table was printed, 2 no export of the shipped checkpoint there, 130 interrupted"
    parser = command_parser(MODULE, prog, example="artifacts", exit_codes=codes)
    folder = "that an export wrote; default: artifacts"
    parser.add_argument("directory", type=Path, nargs="?", default=Path("artifacts"), metavar="FOLDER", help=folder)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Print the table.

    Raises:
        ReblurError: there is no export, none of its files is one, or it was made from another checkpoint.
    """
    from benchmarks.scoring.int8_maps import table

    print(table(arguments.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
