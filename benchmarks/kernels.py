"""Cost of the per-pixel isotropic kernels against the naive form, forward and backward: time and peak memory.

    python -m benchmarks.kernels
    python -m benchmarks.kernels --size 256x256 --radius 12 --batch 4 --threads 1

The naive form unfolds the image into a (B, C, k*k, H, W) stack of patches and sums it with (B, k*k, H, W) weights.
Each form runs in a process of its own, so that its peak memory is its own too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from runtime.system.argument_types import MOST_AT_ONCE, at_least, positive, size_px
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.kernels"
FORMS = ("naive", "rings")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--size 256x256 --radius 12 --batch 4 --threads 1")
    add = parser.add_argument
    add("--size", type=size_px, default="128x128", metavar="HxW", help="of the image (default: %(default)s)")
    add("--radius", type=positive, default=12, metavar="PX", help="of the largest kernel (default: 12)")
    add("--batch", type=positive, default=4, metavar="N", help="images (default: 4)")
    add("--threads", type=at_least(1, MOST_AT_ONCE), default=1, metavar="N", help="CPU threads (default: 1)")
    add("--form", choices=FORMS, help=argparse.SUPPRESS)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from benchmarks.measurements.kernels import print_costs

    print_costs(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
