"""Rows as one self-contained page and as Markdown; what phones sent, too. And whether something has become slower.

    python -m benchmarks.report                                     of .benchmarks/rows.jsonl
    python -m benchmarks.report desktop.jsonl pixel.jsonl --out report.html --markdown RESULTS.md
    python -m benchmarks.report rows.jsonl --baseline benchmarks/baseline.jsonl
    python -m benchmarks.report --check pixel.jsonl                 whether every line is a row

Samples are never shown. Kernels are compared with a baseline by their time over the calibration kernel's. --self-check
measures whether that works here: a kernel slowed by 20 % must be found ten times of ten, an unchanged one never.

Exit code: 0 written, 1 a kernel is slower than the baseline or the self-check failed, 2 wrong use or no row, 130
interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring.arguments import ROWS
from runtime.system.command_line import command_parser, run_command
from runtime.system.errors import ReblurError

MODULE = "benchmarks.report"
PAGE = Path(".benchmarks/report.html")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 written, 1 slower than the baseline, 2 wrong use or no row, 130 interrupted"
    parser = command_parser(MODULE, prog, example="rows.jsonl --markdown RESULTS.md", exit_codes=codes)
    add = parser.add_argument
    add("rows", type=Path, nargs="*", metavar="FILE", help=f"of rows (default: {ROWS})")
    add("--out", type=Path, default=PAGE, metavar="FILE", help="the page (default: %(default)s)")
    add("--markdown", type=Path, metavar="FILE", help="also as Markdown, with plots in a folder beside it")
    add("--baseline", type=Path, metavar="FILE", help="rows to compare kernels with")
    add("--check", action="store_true", help="only say whether every line is a row")
    add("--self-check", action="store_true", help="only say whether the comparison finds 20 %% on this machine")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Read, compare, write.

    Raises:
        ReblurError: a file is not there or holds no rows, or something cannot be written.
    """
    if arguments.self_check:
        return _self_check()
    from benchmarks.measuring.rows import read_rows
    from benchmarks.reporting.regression import compare

    files = arguments.rows or [ROWS]
    rows = [row for path in files for row in read_rows(path)]
    if arguments.check:
        print(f"{len(rows)} rows, {sum(row.is_sample for row in rows)} of them samples")
        return 0
    if all(row.is_sample for row in rows):
        raise ReblurError(f"nothing to show: {len(rows)} rows in {', '.join(map(str, files))}, all of them samples")
    changes = compare(read_rows(arguments.baseline), rows) if arguments.baseline else []
    if arguments.baseline and not changes:
        raise ReblurError(f"nothing to compare: {arguments.baseline} and the rows have no kernel in common")
    _write(arguments, rows, changes)
    slower = [change for change in changes if change.is_slower]
    for change in slower:
        print(f"slower: {change.case}, {change.ratio:.2f} times the baseline")
    return 1 if slower else 0


def _write(arguments: argparse.Namespace, rows: list, changes: list) -> None:
    from benchmarks.reporting.page import html_of, markdown_of, plots_of
    from runtime.system.files import write_atomically
    from runtime.system.paths import check_outputs, make_folder

    inputs = {f"rows {index}": path for index, path in enumerate(arguments.rows)} | {"the baseline": arguments.baseline}
    check_outputs({"the page": arguments.out, "the Markdown": arguments.markdown}, inputs)
    make_folder(arguments.out.parent)
    write_atomically(arguments.out, html_of(rows, changes).encode())
    print(f"wrote {arguments.out}")
    if arguments.markdown:
        folder = arguments.markdown.parent / "plots"
        make_folder(folder)
        for name, svg in plots_of(rows).items():
            write_atomically(folder / name, svg.encode())
        write_atomically(arguments.markdown, markdown_of(rows, changes, folder.name).encode())
        print(f"wrote {arguments.markdown}")


def _self_check() -> int:
    import torch

    from benchmarks.scoring.sensitivity import measure

    torch.set_num_threads(1)
    found = measure()
    print(found)
    return 0 if found.found == len(found.slowed) and not found.false_alarms else 1


if __name__ == "__main__":
    sys.exit(main())
