"""Measure a checkpoint for its model card: write the figures, the plot and the pictures beside it.

    python -m train.card --photos OTHER_PHOTOS [--checkpoint FILE] [--card FILE]

What lies between the two marks in the card is replaced; the rest is written by hand. Everything is measured on
scikit-image's photographs and on those of the folder, none of which training may have seen.

Exit code: 0 written, 2 wrong use, 130 interrupted; the card is written last, whole or not at all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import existing_folder, positive
from runtime.system.command_line import add_device, add_threads, command_parser, run_command
from train.weights import MODEL_CARD, SHIPPED

MODULE = "train.card"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--photos OTHER_PHOTOS")
    add = parser.add_argument
    add("--photos", type=existing_folder, required=True, metavar="FOLDER", help="sharp photographs, never trained on")
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--card", type=Path, default=MODEL_CARD, metavar="FILE", help="default: the shipped one's")
    add("--scenes", type=positive, default=192, metavar="N", help="number of layered scenes (default: 192)")
    add("--crops", type=positive, default=4, metavar="N", help="evenly blurred, from each photograph (default: 4)")
    add_threads(parser)
    add_device(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and write.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from train.evaluation.model_card import write_card
    from train.loop.device import pick_device

    for path in write_card(arguments, pick_device(arguments.device)):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
