"""Does reblurring guide? The method and its parts against misalignment, from the same start, data and steps.

    python -m train.ablate --photos PHOTOS --held-out-photos OTHER_PHOTOS --write train/RESULTS.md
    python -m train.ablate --quick

Runs every variant of ``train.ablation.variants`` at misalignments of 0, 2, 4 and 8 px (two seeds at 4 px) with small
networks, writes runs/ablation/results.jsonl as it goes (a run that was stopped goes on where it stopped), and with
``--write`` the table and its plot. Without photographs scenes are procedural, and held-out ones show scikit-image's
photographs.

Exit code: 0 done, 2 wrong use or diverged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import existing_folder, names_of, positive
from runtime.system.command_line import (
    add_device,
    add_json,
    add_threads,
    add_workers,
    command_parser,
    print_json,
    run_command,
    text_to_stderr,
)
from runtime.system.errors import ReblurError

MODULE = "train.ablate"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    interrupted = "interrupted: what is finished is kept, the same command goes on"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), interrupted=interrupted)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(
        MODULE,
        prog,
        example="--photos PHOTOS --held-out-photos OTHER_PHOTOS --variants reblur,warping-masks --misalignments 0,4",
        exit_codes="0 done, 2 wrong use or diverged, 130 interrupted (what is finished is kept)",
    )
    add = parser.add_argument
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: procedural scenes only)")
    add("--held-out-photos", type=existing_folder, metavar="FOLDER", help="to measure on (default: scikit-image's)")
    add("--out", type=Path, default=Path("runs/ablation"), metavar="FOLDER", help="of results; default: %(default)s")
    add("--misalignments", type=pixels, default="0,2,4,8", metavar="PX[,PX...]", help="default: %(default)s")
    add("--variants", type=names_of, metavar="NAMES", help="such as reblur,pixel-loss; default: all")
    add("--seeds", type=positive, default=2, metavar="N", help="at 4 px (default: %(default)s)")
    add("--steps", type=positive, metavar="N", help="optimiser steps of each run, instead of the preset's")
    add("--long-steps", type=positive, metavar="N", help="the oracle and Reblur once more at 4 px, with so many steps")
    add_device(parser)
    add_threads(parser)
    add_workers(parser)
    add("--quick", action="store_true", help="tiny runs that show nothing but that it works")
    add("--report", action="store_true", help="train nothing: report the runs that are there")
    add("--write", type=Path, metavar="FILE", help="Markdown file to write; its plot goes beside it")
    add_json(parser)
    return parser


def pixels(text: str) -> list[float]:
    """Distances such as 0,2,4."""
    try:
        found = [float(part) for part in names_of(text)]
    except ValueError:
        found = []
    if not found or not all(0 <= px < float("inf") for px in found):
        raise argparse.ArgumentTypeError(f"expected pixels of 0 or more, separated by commas, got {text!r}")
    return found


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing, and print the report.

    Raises:
        ReblurError: an argument is wrong, a file cannot be read or written, or a run diverged.
    """
    from train.ablation.command import run_ablation

    try:
        with text_to_stderr(arguments.json):
            results, text = run_ablation(arguments)
    except FloatingPointError as error:
        raise ReblurError(str(error)) from error
    if arguments.json:
        print_json({"results": results})
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
