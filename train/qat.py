"""Fine-tune the deployable networks for int8.

    python -m train.qat [--checkpoint FILE] [--photos FOLDER] [--steps N] [--out FILE] [--threads N]

Both networks learn, with eight-bit rounding simulated, to answer as they do in float: they are their own teachers,
so nothing but pictures is needed, synthetic scenes of the photographs or procedural ones. The result holds float
weights of the same networks and lies beside the checkpoint (mobile_int8.safetensors for mobile.safetensors); there
`export.all` finds it and makes the int8 files of it. Train the float checkpoint again, and this has to run again.

Exit code: 0 done, 2 wrong use, 130 interrupted; the file is written whole, at the end, or not at all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import existing_folder, positive
from runtime.system.command_line import add_threads, command_parser, run_command
from train.weights import SHIPPED

MODULE = "train.qat"
UNITS = {"defocus": "px", "deblur": "sRGB"}


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    interrupted = "interrupted: nothing was written"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), interrupted=interrupted)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--checkpoint runs/mine/best.safetensors --photos PHOTOS")
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: procedural pictures)")
    add("--steps", type=positive, metavar="N", help="of each network (default: 1000)")
    add("--out", type=Path, metavar="FILE", help="default: <checkpoint>_int8.safetensors beside it")
    add_threads(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Fine-tune, and print what came out.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from train.quantization.command import fine_tune

    results, out = fine_tune(arguments)
    for name, result in results.items():
        print(f"{name}: int8 error {result.before:.4f} -> {result.after:.4f} {UNITS[name]} (RMS against float)")
    print(f"written to {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
