"""Negative controls: files broken on purpose, which the ordinary check must turn away.

    python -m export.controls [--checkpoint FILE] [--size HxW] [--only NAME] [--jobs N] [--json]
    python -m export.controls --overwrite EXPORT [--count N] [--seed N] [--jobs N] [--json]

Each file is written by the export's own writers, or is one of its files with bytes changed, and is checked like any
other. Before that the unbroken file, made in the same way, must pass: else a failure would show nothing.

With ``--overwrite`` copies of an export's files are damaged instead, 4,096 bytes of weights each, anywhere, and their
digests made to match; ``export.verify``'s check of each must refuse it.

Exit code: 0 every one was caught, 1 one was not, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.manifest.check_records import NegativeControl
from runtime.system.argument_types import at_least, positive
from runtime.system.command_line import add_jobs, add_json, command_parser, print_json, run_command
from train.weights import SHIPPED

if TYPE_CHECKING:
    from export.execution.interrupts import Interrupts

MODULE = "export.controls"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 every one was caught, 1 one was not, 2 wrong use, 130 interrupted"
    parser = command_parser(MODULE, prog, example="--only deblur-tflite-int8", exit_codes=codes)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--size", default="128x128", metavar="HxW", help="of the files, pixels; default: %(default)s")
    add("--only", metavar="NAME", help="a fault's name or an artefact's id; default: all")
    what = "instead: overwrite weights in copies of the files of this export, at random, and check each"
    add("--overwrite", type=Path, metavar="EXPORT", help=what)
    add("--count", type=positive, default=50, metavar="N", help="files to overwrite weights in; default: %(default)s")
    add("--seed", type=at_least(0), default=0, metavar="N", help="of --overwrite; default: %(default)s")
    add_jobs(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Try the controls, and print what became of them.

    Raises:
        ReblurError: an argument is wrong, the checkpoint cannot be read, or an unbroken file does not pass.
    """
    from export.recipes.jobs import size_from

    size = size_from(arguments.size)

    from export.execution.interrupts import Interrupts
    from export.execution.process_pool import sensible_jobs
    from export.faults.command import run_controls, select
    from runtime.manifest.json_codec import to_json

    jobs = sensible_jobs() if arguments.jobs is None else arguments.jobs
    with Interrupts() as interrupts:
        if arguments.overwrite is not None:
            return _overwrite(arguments, jobs, interrupts)
        found = run_controls(arguments.checkpoint, size, select(arguments.only), jobs, interrupts)
    if arguments.json:
        print_json(to_json(found))
    else:
        print(table(found))
    return 0 if all(control.caught for control in found) else 1


def _overwrite(arguments: argparse.Namespace, jobs: int, interrupts: Interrupts) -> int:
    from export.faults import overwritten
    from runtime.manifest.json_codec import to_json

    found = overwritten.try_overwritten(arguments.overwrite, arguments.count, arguments.seed, jobs, interrupts)
    if arguments.json:
        print_json(to_json(found))
    else:
        print(overwritten.table(found))
    return 0 if all(one.refused for one in found) else 1


def table(found: Sequence[NegativeControl]) -> str:
    """One line for each control."""
    from tabulate import tabulate

    headings = ("control", "artefact", "", "by", "value", "gate")
    rows = [
        (c.name, c.artifact, "caught" if c.caught else "NOT CAUGHT", c.by, _number(c.value), _number(c.threshold))
        for c in found
    ]
    caught = sum(control.caught for control in found)
    return f"{tabulate(rows, headings, disable_numparse=True)}\n\n{caught} of {len(found)} caught"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
