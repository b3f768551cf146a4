"""The saved files and the runtime's pipeline on ARM64 kernels, emulated: a phone's interpreters on a phone's kernels.

    python -m export.all --out .benchmarks/small --size 128x128 --formats tflite,onnx --no-controls
    python -m benchmarks.arm64 .benchmarks/small            (`make arm64` does both)

qemu-user runs an ARM64 Python out of a folder: no root, no binfmt, no chroot. Rows say `emulated` and carry no times;
they hold how far the answers are from the golden vectors and from the same file on this machine. fp16 files compute in
fp16 there (here in fp32), so they have gates of their own. Emulation is some hundred times slower: take small sizes.

Exit code: 0 all passed, 1 an answer is wrong, 2 wrong use or no emulator to be had, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring.arguments import add_rows, check_export, session_of
from runtime.system.command_line import command_parser, run_command

MODULE = "benchmarks.arm64"
ROOT = Path(".benchmarks/arm64")
SMALL = Path(".benchmarks/small")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 all passed, 1 an answer is wrong, 2 wrong use or no emulator to be had, 130 interrupted"
    parser = command_parser(MODULE, prog, example=str(SMALL), exit_codes=codes)
    add = parser.add_argument
    add("directory", type=Path, nargs="?", default=SMALL, metavar="FOLDER", help="of an export (default: %(default)s)")
    add("--root", type=Path, default=ROOT, metavar="FOLDER", help="of the ARM64 Python (default: %(default)s)")
    add_rows(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run, compare, and print a line for each file.

    Raises:
        ReblurError: there is no export, or the emulated Python cannot be made.
    """
    from benchmarks.emulation.compare import measure, summary

    check_export(arguments.directory)
    session = session_of(arguments)
    before = len(session.journal.rows)
    measure(session, arguments.directory, arguments.root)
    rows = session.journal.rows[before:]
    print(summary(rows))
    return 1 if any(row.status == "failed" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
