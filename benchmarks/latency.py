"""How fast: every file of an export, the stages of a photograph, a tap by megapixels, and single operations.

    python -m benchmarks.latency                            (after `make export`)
    python -m benchmarks.latency artifacts --only taps --threads all --megapixels 0.25,1,12
    python -m benchmarks.latency --quick --out quick.jsonl

files: every artefact x threads, beside torch and onnxruntime on the same networks. stages: decode to encode. taps:
first open, tap and file to file by megapixels. sizes: the networks exported anew from 256 to 2048 px. kernels: single
operations beside the calibration kernel. memory: a process each. sustained: the tap for two minutes. PROTOCOL.md says
how.

Exit code: 0 measured, 2 wrong use or no export there, 130 interrupted: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.measuring.arguments import add_export, add_rows, add_thread_counts, check_export, say_where, session_of
from benchmarks.measuring.cases import BACKENDS
from runtime.system.argument_types import names_of, number, some_of
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.latency"
PARTS = ("files", "stages", "taps", "sizes", "kernels", "memory", "sustained")
MEGAPIXELS = "0.25,0.5,1,2,4,12"
parts, backends = some_of("part", PARTS), some_of("back end", BACKENDS)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 measured, 2 wrong use or no export there, 130 interrupted (goes on where it stopped)"
    parser = command_parser(MODULE, prog, example="artifacts --only files,taps --threads 1,all", exit_codes=codes)
    add_export(parser)
    add_rows(parser)
    add_thread_counts(parser)
    add = parser.add_argument
    add("--only", type=parts, default=list(PARTS), metavar="PARTS", help=f"some of {','.join(PARTS)}")
    what = f"of stages and memory (default: {','.join(BACKENDS)})"
    add("--backends", type=backends, default=list(BACKENDS), metavar="NAMES", help=what)
    add("--megapixels", type=megapixels, default=MEGAPIXELS, metavar="MP,MP", help=f"of taps (default: {MEGAPIXELS})")
    return parser


def megapixels(text: str) -> list[float]:
    """Sizes of photographs."""
    return [number(0.01, 150.0)(name) for name in names_of(text)]


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say where the rows are.

    Raises:
        ReblurError: there is no export, or the rows cannot be read or written.
    """
    from benchmarks.tables import Plan, measure

    check_export(arguments.directory)
    session = session_of(arguments)
    plan = Plan(
        directory=arguments.directory,
        threads=arguments.threads,
        megapixels=arguments.megapixels,
        backends=arguments.backends,
    )
    for part in arguments.only:
        measure(part, session, plan)
    say_where(session)
    return 0


if __name__ == "__main__":
    sys.exit(main())
