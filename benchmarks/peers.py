"""Is it better than what there is: our deblurrer beside published networks, our blur beside other ways to blur.

    python -m benchmarks.peers                     (after `make export`)
    python -m benchmarks.peers artifacts --sizes 512x512 --threads all

NAFNet-32, NRKNet and the paper's U-Net are built from their papers (benchmarks/networks) and exported by our own
writers; their weights are random, so only latency, memory, size and MACs are theirs. What their papers say of DPDD is
shown beside, marked as published. Every candidate of one size takes turns with the others.

Exit code: 0 measured, 2 wrong use or no export there, 130 interrupted: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.measuring.arguments import add_export, add_rows, add_thread_counts, check_export, session_of
from runtime.system.argument_types import names_of, size_px
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.peers"
SIZES = "512x512,768x1024"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 measured, 2 wrong use or no export there, 130 interrupted (goes on where it stopped)"
    parser = command_parser(MODULE, prog, example="artifacts --sizes 512x512 --threads all", exit_codes=codes)
    add_export(parser)
    add_rows(parser)
    add_thread_counts(parser, "all")
    what = f"of the pictures (default: {SIZES})"
    parser.add_argument("--sizes", type=sizes, default=SIZES, metavar="HxW,HxW", help=what)
    return parser


def sizes(text: str) -> list[tuple[int, int]]:
    """Heights and widths."""
    return [size_px(name) for name in names_of(text)]


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say where the rows are.

    Raises:
        ReblurError: there is no export, or the rows cannot be read or written.
    """
    from benchmarks.scoring import peer_figures
    from benchmarks.tables import Plan, measure

    check_export(arguments.directory)
    session = session_of(arguments)
    peer_figures.measure(session)
    for count in arguments.threads:
        plan = Plan(directory=arguments.directory, threads=[count], sizes_px=arguments.sizes)
        measure("peers", session, plan)
        measure("peer-memory", session, plan)
    print(f"{len(session.journal.rows)} rows in {arguments.out}: python -m benchmarks.report {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
