"""Checks an export again: every file, its digest, its results on the golden vectors, and a photograph's whole way.

    python -m export.verify FOLDER [--public-key KEY] [--ignore-digests] [--jobs N] [--json]

``--public-key`` first checks that the folder holds what the owner of that key signed (``export.all --sign``).

``--ignore-digests`` leaves the numeric gates alone to find what is wrong with a file, which shows that they can.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from runtime.system.command_line import add_jobs, add_json, command_parser, print_json, run_command
from runtime.system.errors import ReblurError

MODULE = "export.verify"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted"
    parser = command_parser(MODULE, prog, example="artifacts --public-key reblur.pub", exit_codes=codes)
    add = parser.add_argument
    add("directory", type=Path, metavar="FOLDER", help="that an export wrote")
    add("--ignore-digests", action="store_true", help="do not compare the files' SHA-256")
    add("--public-key", type=Path, metavar="KEY", help="PEM; the folder must be signed with its other half")
    add_jobs(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Check every file, and print the table.

    Raises:
        ReblurError: there is no export, it holds no file, or it is not signed with that key.
    """
    from export.execution.interrupts import Interrupts
    from export.execution.process_pool import sensible_jobs
    from export.reporting.text import counts, pipeline_table, summary, table
    from export.verification.folder import verify, verify_pipelines
    from runtime.manifest.json_codec import to_json
    from runtime.manifest.manifest import Manifest
    from runtime.manifest.signature import verify_folder

    started = time.monotonic()
    with Interrupts() as interrupts:
        manifest = Manifest.load(arguments.directory)
        if arguments.public_key is not None:
            verify_folder(arguments.directory, arguments.public_key)
        if not any(artifact.files for artifact in manifest.artifacts):
            raise ReblurError(f"{arguments.directory} lists no file that could be checked: run `make export` again")
        checked = verify(
            manifest,
            arguments.directory,
            interrupts,
            check_digests=not arguments.ignore_digests,
            jobs_at_once=sensible_jobs() if arguments.jobs is None else arguments.jobs,
        )
        sound = {artifact.id for artifact in checked if artifact.status == "passed"}
        described = dataclasses.replace(
            manifest,
            pipelines=tuple(p for p in manifest.pipelines if {p.defocus, p.deblur, p.refocus} <= sound),
        )
        pipelines = verify_pipelines(described, arguments.directory, check_digests=not arguments.ignore_digests)
    seconds = time.monotonic() - started
    if arguments.json:
        more = {"directory": str(arguments.directory), "pipelines": to_json(pipelines), "seconds": round(seconds, 1)}
        print_json(summary(checked, **more))
    else:
        parts = (table(checked), pipeline_table(pipelines), f"{counts(checked)} in {seconds:.0f} s")
        print("\n\n".join(part for part in parts if part))
    statuses = [*(artifact.status for artifact in checked), *(pipeline.status for pipeline in pipelines)]
    return 1 if "failed" in statuses else 0


if __name__ == "__main__":
    sys.exit(main())
