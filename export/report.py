"""A page to look at: report.html beside the files, in one piece, without anything from a network.

    python -m export.report FOLDER [--checkpoint F]

``export.all`` writes it. The checkpoint is needed for the pictures: it must be the one that FOLDER was made from.

Exit code: 0 the page was written, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.command_line import command_parser, run_command
from train.weights import SHIPPED

MODULE = "export.report"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 the page was written, 2 wrong use or no export there, 130 interrupted"
    parser = command_parser(MODULE, prog, example="artifacts", exit_codes=codes)
    parser.add_argument("directory", type=Path, metavar="FOLDER", help="that an export wrote")
    checkpoint = "that FOLDER was made from; default: the shipped one"
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help=checkpoint)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the page.

    Raises:
        ReblurError: there is no export, or a file cannot be read or written.
    """
    from export.reporting.page import networks_of, write_report
    from runtime.manifest.manifest import Manifest

    networks = networks_of(Manifest.load(arguments.directory), arguments.checkpoint)
    path = write_report(arguments.directory, networks)
    if networks is None:
        print(f"no pictures: {arguments.checkpoint} is not what the files were made from", file=sys.stderr)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
