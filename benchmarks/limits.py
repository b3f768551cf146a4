"""How near a graph comes to what this machine can do: MACs, bytes that must move, measured peaks, the share reached.

    python -m benchmarks.limits                    (after `make export`)
    python -m benchmarks.limits artifacts --threads 1

The peaks are a large product of matrices (fp32 and int8) and a large copy, in turns with the graphs.

Exit code: 0 measured, 2 wrong use or no export there, 130 interrupted: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.measuring.arguments import add_export, add_rows, add_thread_counts, check_export, session_of
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.limits"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 measured, 2 wrong use or no export there, 130 interrupted (goes on where it stopped)"
    parser = command_parser(MODULE, prog, example="artifacts --threads 1", exit_codes=codes)
    add_export(parser)
    add_rows(parser)
    add_thread_counts(parser, "1,all")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say where the rows are.

    Raises:
        ReblurError: there is no export, or the rows cannot be read or written.
    """
    from benchmarks.scoring.roofline import measure
    from benchmarks.tables import Plan

    check_export(arguments.directory)
    session = session_of(arguments)
    measure(session, Plan(directory=arguments.directory, threads=arguments.threads))
    print(f"{len(session.journal.rows)} rows in {arguments.out}: python -m benchmarks.report {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
