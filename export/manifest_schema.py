"""The JSON Schema of manifest.json, made from the records that write and read it: types, names and docstrings.

    python -m export.manifest_schema                     # writes export/reporting/manifest.schema.json anew
    python -m export.manifest_schema --out schema.json

Every export carries a copy, so that a reader in any language can check a manifest and look up what a field means.

Exit code: 0 written, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.command_line import command_parser, run_command

MODULE = "export.manifest_schema"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(MODULE, prog, example="--out manifest.schema.json")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the one that exports carry, in export/")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the schema.

    Raises:
        ReblurError: the file cannot be written.
    """
    from export.reporting.manifest_schema import SCHEMA_FILE, schema_text
    from runtime.system.files import write_atomically

    out = arguments.out or SCHEMA_FILE
    write_atomically(out, schema_text().encode())
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
