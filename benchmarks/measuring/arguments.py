"""What the commands of this folder share: where rows go, how much is done, on how many threads."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.system.argument_types import MOST_AT_ONCE, at_least
from runtime.system.errors import ReblurError

if TYPE_CHECKING:
    from benchmarks.measuring.session import Session

ROWS = Path(".benchmarks/rows.jsonl")
ALL = "all"


def add_rows(parser: argparse.ArgumentParser) -> None:
    """``--out`` and ``--quick``."""
    add = parser.add_argument
    add("--out", type=Path, default=ROWS, metavar="FILE", help="rows are added to it (default: %(default)s)")
    add("--quick", action="store_true", help="fewer runs than the protocol's; rows are marked so")


def add_export(parser: argparse.ArgumentParser) -> None:
    """The folder of an export."""
    what = "that an export wrote; default: artifacts"
    parser.add_argument("directory", type=Path, nargs="?", default=Path("artifacts"), metavar="FOLDER", help=what)


def add_thread_counts(parser: argparse.ArgumentParser, default: str = "1,2,all") -> None:
    """``--threads``: several counts."""
    what = f"CPU threads, for example 1,2,{ALL} (default: {default})"
    parser.add_argument("--threads", type=thread_counts, default=default, metavar="N,N", help=what)


def thread_counts(text: str) -> list[int]:
    """The counts of a list such as 1,2,all, each once; no more than the machine has."""
    most = os.cpu_count() or 1
    found = [most if word.strip() == ALL else at_least(1, MOST_AT_ONCE)(word.strip()) for word in text.split(",")]
    return sorted({min(count, most) for count in found})


def session_of(arguments: argparse.Namespace) -> Session:
    """What measures, as the command line says.

    Raises:
        ReblurError: the file of rows has a line that is no row.
    """
    from benchmarks.measuring.protocol import FULL, QUICK
    from benchmarks.measuring.rows import Journal
    from benchmarks.measuring.session import Session

    return Session(Journal(arguments.out), QUICK if arguments.quick else FULL)


def check_export(directory: Path) -> None:
    """Before anything is measured.

    Raises:
        ReblurError: there is no export.
    """
    from runtime.manifest.manifest import Manifest

    if not Manifest.load(directory, with_checks=False).artifacts:
        raise ReblurError(f"{directory} has no file: run `make export` first")
