"""Checks the files of an export again, each in a process of its own."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.data.golden_files import load_case
from export.execution.cache import read_record, write_record
from export.execution.interrupts import Interrupts
from export.execution.process_pool import run_tasks
from export.execution.progress import Progress
from export.execution.task import Outcome, Task
from export.formats.table import runtimes_of
from export.verification.artifact import check_artifact, failed
from export.verification.earlier_figures import first_difference, has_same_kernels, with_difference
from export.verification.end_to_end import EndToEndCase, PipelineReference, check_pipeline_parity
from export.verification.golden_chain import load_golden_chain
from runtime.manifest.files import check_files
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Pipeline
from runtime.refocusing.pipeline import GRAPHS
from runtime.refocusing.tiling import TiledGraph
from runtime.system.errors import ReblurError
from runtime.system.silence import silence


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


def verify_pipelines(manifest: Manifest, directory: Path, *, check_digests: bool = True) -> list[Pipeline]:
    """Send the golden photograph through every pipeline of the first size, and hold it against gate and export.

    Returns:
        The pipelines with the outcome of today; those of other sizes, and those that did not pass, as they are.

    Raises:
        ReblurError: the golden photograph cannot be read.
    """
    chain = manifest.golden_chain
    if chain is None:
        return list(manifest.pipelines)
    case = load_golden_chain(chain, directory, check_digests=check_digests)
    first = manifest.sizes[0]
    return [
        _recheck_pipeline(pipeline, manifest, directory, case)
        if (pipeline.height_px, pipeline.width_px, pipeline.status) == (first.height_px, first.width_px, "passed")
        else pipeline
        for pipeline in manifest.pipelines
    ]


def _recheck_pipeline(pipeline: Pipeline, manifest: Manifest, directory: Path, case: EndToEndCase) -> Pipeline:
    members = [manifest.artifact(getattr(pipeline, graph)) for graph in GRAPHS]
    halos_px = {graph: manifest.graphs[graph].halo_px for graph in GRAPHS}
    reference = PipelineReference(
        sigma_max_px=manifest.sigma_max_px, target_max_px=manifest.target_max_px, halo_px=halos_px, cases=(case,)
    )
    try:
        with silence():
            graphs = {
                artifact.graph: TiledGraph.of(
                    runtimes_of(artifact)[0].open(artifact, directory / artifact.path, None), halos_px[artifact.graph]
                )
                for artifact in members
            }
            figures = tuple(check_pipeline_parity(graphs, pipeline.precision, reference))
    except (ReblurError, OSError):
        return dataclasses.replace(pipeline, status="failed", parity=())
    same = all(has_same_kernels(artifact, manifest) for artifact in members)
    agrees = not first_difference(pipeline.precision, pipeline.parity, figures, same_kernels=same)
    passed = agrees and all(figure.passed for figure in figures)
    return dataclasses.replace(pipeline, status="passed" if passed else "failed", parity=figures)
