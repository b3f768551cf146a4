"""Installs a demo application on a phone, starts its benchmark mode, and collects and checks its rows.

    python -m benchmarks.phone --adb --app reblur.apk --out pixel.jsonl
    python -m benchmarks.phone --xcode --app Reblur.app --out iphone.jsonl --run-id my-iphone-1

The phone measures by itself, by PROTOCOL.md: temperature gate, three repeats from cold. With --run-id of an earlier run
it goes on. PHONES.md tells the way from a cable to a row.

Exit code: 0 rows came and all fit, 1 some of them say failed, 2 wrong use, no phone or no row, 130 interrupted: what
had come is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import number
from runtime.system.command_line import command_parser, run_command
from runtime.system.errors import ReblurError

MODULE = "benchmarks.phone"
QUIET_MINUTES = 35.0


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 rows came, 1 some say failed, 2 wrong use, no phone or no row, 130 interrupted"
    parser = command_parser(MODULE, prog, example="--adb --app reblur.apk --out pixel.jsonl", exit_codes=codes)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--adb", action="store_true", help="an Android phone, by adb")
    which.add_argument("--xcode", action="store_true", help="an iPhone or iPad, by xcrun devicectl")
    add = parser.add_argument
    add("--app", type=Path, metavar="FILE", help=".apk or .app to install first; default: what is on it")
    add("--device", metavar="ID", help="which phone, where there are several")
    add("--run-id", metavar="ID", help="of the run; default: a new one")
    add("--quick", action="store_true", help="fewer runs than the protocol's; rows are marked so")
    add(
        "--out",
        type=Path,
        default=Path("phone.jsonl"),
        metavar="FILE",
        help="rows are added to it (default: %(default)s)",
    )
    what = f"stop when no row has come for so long (default: {QUIET_MINUTES:g})"
    add("--quiet", type=number(0.0, 1440.0), default=QUIET_MINUTES, metavar="MINUTES", help=what)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Install, start, collect.

    Raises:
        ReblurError: there is no tool, phone or application, or its rows do not fit.
    """
    from benchmarks.measuring.session import new_run_id
    from benchmarks.phones.adb import AndroidPhone
    from benchmarks.phones.bridge import Phone
    from benchmarks.phones.collect import collect
    from benchmarks.phones.xcode import IosPhone

    if not (arguments.adb or arguments.xcode):
        raise ReblurError("which phone: give --adb for Android, or --xcode for an iPhone or iPad")
    if arguments.app is not None and not arguments.app.exists():
        raise ReblurError(f"no application at {arguments.app}: build the demo first")
    phone: Phone = AndroidPhone(arguments.device) if arguments.adb else IosPhone(arguments.device)
    run_id = arguments.run_id or new_run_id()
    if arguments.app is not None:
        phone.install(arguments.app)
    phone.start(run_id, quick=arguments.quick)
    print(f"run {run_id} has started: leave the phone alone, its screen on", flush=True)
    rows = collect(phone, run_id, arguments.out, 60.0 * arguments.quiet)
    failed = sum(row.status == "failed" for row in rows)
    print(f"{len(rows)} rows, {failed} failed, in {arguments.out}: python -m benchmarks.report {arguments.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
