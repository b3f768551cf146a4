"""What every precision costs: each pipeline of an export, and the float networks, on held-out pictures.

    python -m benchmarks.quality                            (after `make export`)
    python -m benchmarks.quality artifacts --scenes 24
    python -m benchmarks.quality artifacts --pairs DPDD     the test pairs of a real data set instead of scenes

PSNR, SSIM and, where its weights are on this disk, LPIPS of the restored picture; error of sigma; the chain: the
refocused picture against the float networks' own. Beside them size and the time of both networks.

Exit code: 0 measured, 2 wrong use or no export there, 130 interrupted: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.measuring.arguments import add_export, add_rows, add_thread_counts, check_export, session_of
from runtime.system.argument_types import existing_folder, positive
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.quality"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 measured, 2 wrong use or no export there, 130 interrupted (goes on where it stopped)"
    parser = command_parser(MODULE, prog, example="artifacts --scenes 24", exit_codes=codes)
    add_export(parser)
    add_rows(parser)
    add_thread_counts(parser, "all")
    add = parser.add_argument
    add("--scenes", type=positive, default=24, metavar="N", help="number of held-out scenes (default: 24)")
    add("--pairs", type=existing_folder, metavar="FOLDER", help="measure on this data set's test pairs instead")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say where the rows are.

    Raises:
        ReblurError: there is no export, the pairs cannot be read, or the rows cannot be read or written.
    """
    from benchmarks.scoring.restoration import measure

    check_export(arguments.directory)
    session = session_of(arguments)
    measure(session, arguments.directory, arguments.threads[-1], arguments.scenes, arguments.pairs)
    print(f"{len(session.journal.rows)} rows in {arguments.out}: python -m benchmarks.report {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
