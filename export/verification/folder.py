"""Checks the files of an export again, each in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.data.golden_files import load_case
from export.execution.cache import read_record, write_record
from export.execution.interrupts import Interrupts
from export.execution.process_pool import run_tasks
from export.execution.progress import Progress
from export.execution.task import Outcome, Task
from export.verification.artifact import check_artifact, failed
from export.verification.earlier_figures import has_same_kernels, with_difference
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.manifest import Manifest, check_files
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError


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
                arguments=(
                    artifact,
                    manifest.golden_of(artifact),
                    directory,
                    check_digests,
                    has_same_kernels(artifact, manifest),
                ),
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
            leftovers=(Path(scratch),),
            packages={"torch", *(package for artifact in made for package in artifact.tool)},
        )
        checked = {outcome.task.name: _outcome(manifest.artifact(outcome.task.name), outcome) for outcome in outcomes}
    return [checked.get(artifact.id, artifact) for artifact in manifest.artifacts]


def recheck(
    folder: Path,
    artifact: Artifact,
    golden: Sequence[GoldenCase],
    directory: Path,
    check_digests: bool,
    same_kernels: bool,
) -> None:
    """Check one artefact: its files, its gates, and its figures against those of its export.

    Args:
        folder: where the record of how that went is written.
        artifact: as the manifest has it.
        golden: its cases.
        directory: the export's folder.
        check_digests: whether its files must be the very ones described.
        same_kernels: whether it ran on such a processor with these tools then.
    """
    earlier = artifact
    try:
        if check_digests:
            check_files(artifact, directory)
        _check_sizes(artifact, directory)
        cases = [load_case(case, directory, check_digests=check_digests) for case in golden]
        artifact = check_artifact(artifact, directory, cases)
        if artifact.status == "passed" and earlier.status == "passed":
            artifact = with_difference(artifact, earlier, same_kernels=same_kernels)
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
