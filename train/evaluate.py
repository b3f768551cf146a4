"""Figures of a checkpoint: does it deblur, does its sigma map follow the true one, does it leave things in place?

    python -m train.evaluate
    python -m train.evaluate --checkpoint runs/first/checkpoint.safetensors --photos OTHER_PHOTOS --grid grid.png
    python -m train.evaluate --per-sigma --photos OTHER_PHOTOS --plot gain.png --csv rows.csv
    python -m train.evaluate --pairs DPDD --split test --csv rows.csv

Without ``--pairs``, scenes are rendered from seeds that training never uses; unless a folder is given, from photographs
that come with scikit-image, which training never uses either. With ``--pairs`` the pairs of a data set are measured,
which need not be aligned: ``train.evaluation.misaligned`` says how.

Exit code: 0 measured, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import existing_folder, number, positive
from runtime.system.command_line import (
    add_device,
    add_json,
    command_parser,
    print_json,
    renamed,
    run_command,
    text_to_stderr,
)
from runtime.system.paths import check_outputs
from train.weights import SHIPPED

MODULE = "train.evaluate"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    example = "--checkpoint runs/first/best.safetensors --photos OTHER_PHOTOS --per-sigma --csv rows.csv"
    parser = command_parser(MODULE, prog, example=example)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: scikit-image's)")
    add("--scenes", type=positive, default=96, metavar="N", help="number of layered scenes (default: 96)")
    add("--per-sigma", action="store_true", help="also the gain by blur, on evenly blurred crops")
    add(
        "--noise",
        type=number(0.0, 255.0),
        default=0.5,
        metavar="STEPS",
        help="noise on those, in 8-bit steps (default: 0.5)",
    )
    add("--crops", type=positive, default=4, metavar="N", help="of those, from each photograph (default: 4)")
    add("--plot", type=Path, metavar="FILE", help="also write the gain by blur as a PNG; with --per-sigma")
    add("--pairs", type=existing_folder, metavar="FOLDER", help="measure this data set's pairs instead of scenes")
    add("--layout", default="auto", help="of the data set's folder (default: auto)")
    add("--split", default="test", help="train, val or test (default: test)")
    add("--csv", type=Path, metavar="FILE", help="also write a line for every picture")
    add("--grid", type=Path, metavar="FILE", help="also write a PNG of the first pictures")
    add("--lpips", action="store_true", help="also LPIPS, where its weights are on this disk")
    add_device(parser)
    add_json(parser)
    renamed(parser, "--data", "--pairs")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from train.evaluation.command import measure_checkpoint
    from train.loop.device import pick_device

    check_outputs(
        {"the plot": arguments.plot, "the table": arguments.csv, "the grid": arguments.grid},
        {"the checkpoint": arguments.checkpoint, "the photographs": arguments.photos, "the pairs": arguments.pairs},
    )
    with text_to_stderr(arguments.json):
        rows = measure_checkpoint(arguments, pick_device(arguments.device))
    if arguments.json:
        print_json({"checkpoint": str(arguments.checkpoint), "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
