"""Teach the estimator of a checkpoint its own map again, with activations that half precision and int8 can hold.

    python -m train.distil --checkpoint FILE --out FILE [--photos FOLDER] [--steps N] [--threads N]

For checkpoints whose largest activations, which the command prints, are in the hundreds and more. The deblurring
network and the reblurring module are written as they are. Fine-tune for int8 (``train.qat``) afterwards.

Exit code: 0 done, 2 wrong use, 130 interrupted; the file is written whole, at the end, or not at all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import existing_folder, positive
from runtime.system.command_line import add_threads, command_parser, run_command

MODULE = "train.distil"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    interrupted = "interrupted: nothing was written"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), interrupted=interrupted)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--checkpoint runs/mine/best.safetensors --out mine.safetensors")
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, metavar="FILE", help="a checkpoint that can be exported")
    add("--out", type=Path, required=True, metavar="FILE", help="of the new one")
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: procedural pictures)")
    add("--steps", type=positive, metavar="N", help="(default: 6000)")
    add_threads(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Teach, and print what came out.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from train.quantization.command import distil_checkpoint

    before, after = distil_checkpoint(arguments)
    print(f"defocus: largest activation {before:.0f} -> {after:.0f}")
    print(f"written to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
