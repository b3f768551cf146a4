"""Checks an export again: every file, its digest, and its results on the golden vectors.

    python -m export.verify DIR [--public-key KEY] [--ignore-digests] [--jobs N] [--json]

``--public-key`` first checks that the folder holds what the owner of that key signed (``export.all --sign``).

``--ignore-digests`` leaves the numeric gates alone to find what is wrong with a file, which shows that they can.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from export.data.golden_files import load_case
from export.execution.cache import read_record, write_record
from export.execution.interrupts import Interrupts
from export.execution.process_pool import Outcome, Task, run_tasks, sensible_jobs
from export.execution.progress import Progress
from export.reporting.text import counts, summary, table
from export.verification.artifact import check_artifact, failed
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.manifest import Manifest, check_files
from runtime.manifest.records import Artifact
from runtime.manifest.signature import verify_folder
from runtime.system.errors import ReblurError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    started = time.monotonic()
    try:
        with Interrupts() as interrupts:
            manifest = Manifest.load(arguments.directory)
            if arguments.public_key is not None:
                verify_folder(arguments.directory, arguments.public_key)
            checked = verify(
                manifest,
                arguments.directory,
                interrupts,
                check_digests=not arguments.ignore_digests,
                jobs_at_once=sensible_jobs() if arguments.jobs is None else arguments.jobs,
            )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ReblurError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    seconds = time.monotonic() - started
    if arguments.json:
        facts = summary(checked, directory=str(arguments.directory), seconds=round(seconds, 1))
        print(json.dumps(facts, indent=2, allow_nan=False))
    else:
        print(f"{table(checked)}\n\n{counts(checked)} in {seconds:.0f} s")
    return 1 if any(artifact.status == "failed" for artifact in checked) else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder that export.all wrote")
    parser.add_argument("--ignore-digests", action="store_true", help="do not compare the files' SHA-256")
    parser.add_argument(
        "--public-key", type=Path, metavar="KEY", help="PEM; the folder must be signed with its other half"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes; 0: all in this one; default: as many as fit")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON instead of the table")
    return parser.parse_args(argv)


def verify(
    manifest: Manifest, directory: Path, interrupts: Interrupts, *, check_digests: bool = True, jobs_at_once: int = 1
) -> list[Artifact]:
    """Check every artefact of a manifest, each in a process of its own.

    Args:
        manifest: of the folder.
        directory: the folder.
        interrupts: checked all the time.
        check_digests: whether files must also be the very ones described; their sizes must be in any case.
        jobs_at_once: processes; 0 does everything in this one.

    Returns:
        The artefacts with the outcome of today; one that was not made stays as it is in the manifest.
    """
    made = [artifact for artifact in manifest.artifacts if artifact.files]
    with tempfile.TemporaryDirectory() as scratch, Progress(len(made)) as progress:
        tasks = {
            artifact.id: Task(
                name=artifact.id,
                function=recheck,
                arguments=(artifact, manifest.golden_of(artifact), directory, check_digests),
                folder=Path(scratch) / artifact.id,
            )
            for artifact in made
        }
        outcomes = run_tasks(
            list(tasks.values()),
            jobs_at_once,
            interrupts,
            on_start=lambda task: progress.start(f"{task.name}: check"),
            on_end=lambda outcome: progress.finish(),
        )
        checked = {outcome.task.name: _outcome(manifest.artifact(outcome.task.name), outcome) for outcome in outcomes}
    return [checked.get(artifact.id, artifact) for artifact in manifest.artifacts]


def recheck(
    folder: Path, artifact: Artifact, golden: Sequence[GoldenCase], directory: Path, check_digests: bool
) -> None:
    """Check one artefact; the record in ``folder`` says how that went."""
    try:
        if check_digests:
            check_files(artifact, directory)
        _check_sizes(artifact, directory)
        cases = [load_case(case, directory, check_digests=check_digests) for case in golden]
        artifact = check_artifact(artifact, directory, cases)
    except (ReblurError, OSError) as error:
        artifact = failed(artifact, error)
    write_record(folder, {"artifact": to_json(artifact)})


def _outcome(artifact: Artifact, outcome: Outcome) -> Artifact:
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        return failed(artifact, ReblurError(outcome.reason or "its check left no result"))
    return from_json(Artifact, record["artifact"], artifact.id)


def _check_sizes(artifact: Artifact, directory: Path) -> None:
    """Every file is there and whole; interpreters may crash on half a file."""
    for file in artifact.files:
        path = directory / file.path
        size = path.stat().st_size if path.is_file() else None
        if size != file.bytes:
            found = "is missing" if size is None else f"has {size} bytes"
            raise ReblurError(f"{path} {found}, the manifest says {file.bytes} bytes: run `make export` again")


if __name__ == "__main__":
    sys.exit(main())
