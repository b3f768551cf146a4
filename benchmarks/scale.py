"""How fast training is: steps, scenes and pairs a second, and what a second process adds.

    python -m benchmarks.scale
    python -m benchmarks.scale --presets smoke,mobile --threads 1,all

On the CPU, and on a GPU where there is one: there with its utilisation. Two processes share a batch as torchrun has
them do, one thread each, and are held against one process of one thread.

Exit code: 0 measured, 2 wrong use, 130 interrupted: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.measuring.arguments import add_rows, add_thread_counts, session_of
from runtime.system.argument_types import names_of
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.scale"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 measured, 2 wrong use, 130 interrupted (goes on where it stopped)"
    parser = command_parser(MODULE, prog, example="--presets smoke,mobile --threads 1,all", exit_codes=codes)
    add_rows(parser)
    add_thread_counts(parser, "1,all")
    what = "of training (default: mobile)"
    parser.add_argument("--presets", type=names_of, default=["mobile"], metavar="NAME,NAME", help=what)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say where the rows are.

    Raises:
        ReblurError: there is no such preset, or the rows cannot be read or written.
    """
    from benchmarks.scoring.training_rate import measure

    session = session_of(arguments)
    for preset in arguments.presets:
        measure(session, preset, arguments.threads)
    print(f"{len(session.journal.rows)} rows in {arguments.out}: python -m benchmarks.report {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
