"""The stages of an export: what has to be made, making it, and what the manifest says about it."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.artifacts.make import artifact_from, has_passed, make
from export.artifacts.pipelines import check_pipeline, pipeline_of, with_figures
from export.artifacts.shared_inputs import Facts, load_facts, make_shared_inputs
from export.execution.cache import Cache, is_there, key_of
from export.execution.interrupts import Interrupts
from export.execution.output_folder import REPORT_FILE_NAME
from export.execution.process_pool import Outcome, Task, run_tasks
from export.execution.progress import Progress
from export.faults.catalog import Control
from export.faults.run import SIZE as CONTROLS_SIZE
from export.faults.run import by_artifact, controls_from, try_controls
from export.graphs.preprocessing import RESIZE, TILING
from export.recipes.jobs import Job, Plan, size_name
from export.recipes.recipe import ALL_GRAPHS, pipelines
from export.recipes.tool_versions import all_versions
from export.reporting.manifest_schema import copy_schema
from export.reporting.page import write_report
from export.verification.artifact import tools_of
from export.verification.cross_runtime import Runs, load_results, matrix
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import SCHEMA_VERSION, Manifest, check_files
from runtime.manifest.records import Artifact, Checkpoint, Pipeline, Size
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of
from runtime.system.version import reblur_version
from train.checkpoint import Deployable
from train.quantization.weights import int8_path

LICENSE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What everything is made from."""

    checkpoint: Checkpoint
    int8_sha256: str | None
    """Of the weights for int8 beside the checkpoint, whether they fit it or not."""

    @classmethod
    def of(cls, checkpoint: Path) -> Sources:
        """Read the digests of a checkpoint and of what lies beside it."""
        beside = int8_path(checkpoint)
        return cls(
            checkpoint=Checkpoint(name=checkpoint.name, sha256=sha256_of(checkpoint)),
            int8_sha256=sha256_of(beside) if beside.is_file() else None,
        )


class Build:
    """One export in the making. Its methods are its stages, in their order."""

    def __init__(self, plan: Plan, cache: Cache, progress: Progress, interrupts: Interrupts) -> None:
        self.plan = plan
        self.cache = cache
        self.progress = progress
        self.interrupts = interrupts
        self.sources = Sources.of(plan.checkpoint)
        self.shared_input_keys = {
            size: key_of("shared inputs", to_json(self.sources), to_json(size), number == 0)
            for number, size in enumerate(plan.sizes)
        }
        self.keys = {job: self._key_of(job) for job in plan.jobs}
        self.controls = controls_of(plan)
        self.used: list[Path] = []
        """Entries of the cache that this export needs."""

    def _key_of(self, job: Job) -> str:
        recipe = dataclasses.asdict(job.recipe)
        joint = to_json(job.joint_sizes)
        return key_of("artifact", self.shared_input_keys[job.size], recipe, joint, tools_of(job.recipe))

    def unchanged(self) -> Manifest | None:
        """The earlier export's manifest where that export is whole and what this one would be."""
        try:
            previous = Manifest.load(self.plan.out)
            for artifact in previous.artifacts:
                check_files(artifact, self.plan.out)
        except (ReblurError, OSError):
            return None
        wanted = [(job.id, key) for job, key in self.keys.items()]
        same = (
            [(artifact.id, artifact.key) for artifact in previous.artifacts] == wanted
            and [control.name for control in previous.controls]
            == [control.name for group in self.controls.values() for control in group]
            and previous.checkpoint == self.sources.checkpoint
            and (self.plan.out / REPORT_FILE_NAME).is_file()
        )
        return previous if same and not self.plan.force else None

    def run(self, folder: Path, networks: Deployable) -> Manifest:
        """All stages; what is made is put together in ``folder``.

        Raises:
            ReblurError: the disk is full, or nothing can be made at all.
        """
        shared_inputs = self.shared_inputs()
        artifacts = self.artifacts(shared_inputs)
        checked = self.check_pipelines(artifacts, shared_inputs)
        controls = self.negative_controls()
        manifest = self.assemble(folder, shared_inputs, artifacts, checked, controls)
        if self.succeeded(manifest):
            self.progress.add(1)
            self.progress.start("report")
            copy_schema(folder)
            write_report(folder, networks)
            self.progress.finish()
        return manifest

    def succeeded(self, manifest: Manifest) -> bool:
        """Whether nothing failed."""
        figures = [figure for pipeline in manifest.pipelines for figure in pipeline.parity]
        return all(a.status != "failed" for a in manifest.artifacts) and all(figure.passed for figure in figures)

    def shared_inputs(self) -> dict[Size, Path]:
        """Compute what the artefacts of each size share."""
        tasks = []
        for number, (size, key) in enumerate(self.shared_input_keys.items()):
            arguments = (self.plan.checkpoint, size, number == 0)
            tasks.append(self._task(f"shared-inputs-{size_name(size)}", key, make_shared_inputs, arguments))
        for outcome in self._run(tasks, is_there):
            if outcome.reason:
                raise ReblurError(outcome.reason)
        return {size: task.folder for size, task in zip(self.shared_input_keys, tasks, strict=True)}

    def artifacts(self, shared_inputs: dict[Size, Path]) -> tuple[Artifact, ...]:
        """Make and check every artefact; one that fails does not stop the others."""
        graphs = load_facts(next(iter(shared_inputs.values()))).graphs
        tasks = {
            job: self._task(job.id, key, make, (job, shared_inputs[job.size], key)) for job, key in self.keys.items()
        }
        outcomes = self._run(list(tasks.values()), has_passed)
        return tuple(
            artifact_from(job, graphs[job.recipe.graph], outcome) for job, outcome in zip(tasks, outcomes, strict=True)
        )

    def check_pipelines(self, artifacts: Sequence[Artifact], shared_inputs: dict[Size, Path]) -> tuple[Pipeline, ...]:
        """Run photographs through the artefacts that belong together, from end to end."""
        passed = {artifact.id: artifact for artifact in artifacts if artifact.status == "passed"}
        found: list[Pipeline] = []
        tasks: list[Task] = []
        for number, size in enumerate(self.plan.sizes):
            jobs = {job.recipe: job for job in self.plan.jobs if job.size == size and job.id in passed}
            for target, precision, chosen in pipelines(list(jobs)):
                members = {graph: passed[jobs[recipe].id] for graph, recipe in chosen.items()}
                pipeline = pipeline_of(target, precision, size, members)
                places = {graph: self._entry(jobs[recipe]) for graph, recipe in chosen.items()}
                key = key_of("pipeline", [artifact.key for artifact in members.values()])
                name = f"pipeline-{target}-{precision}" + (f"-{size_name(size)}" if number else "")
                found.append(pipeline)
                tasks.append(self._task(name, key, check_pipeline, (members, places, precision, shared_inputs[size])))
        outcomes = self._run(tasks, is_there)
        return tuple(with_figures(pipeline, outcome) for pipeline, outcome in zip(found, outcomes, strict=True))

    def negative_controls(self) -> tuple[NegativeControl, ...]:
        """Break files on purpose and see whether the gates notice."""
        if not self.controls:
            return ()
        key = key_of("shared inputs", to_json(self.sources), to_json(CONTROLS_SIZE))
        arguments = (self.plan.checkpoint, CONTROLS_SIZE, True)
        shared_inputs = self._task(
            f"shared-inputs-controls-{size_name(CONTROLS_SIZE)}", key, make_shared_inputs, arguments
        )
        tasks = [
            self._task(f"controls-{name}", key_of("controls", name, key), try_controls, (name, shared_inputs.folder))
            for name in self.controls
        ]
        if any(not is_there(task.folder) for task in tasks) or self.plan.force:
            self._run([shared_inputs], is_there)
        outcomes = self._run(tasks, is_there)
        return tuple(
            control
            for group, outcome in zip(self.controls.values(), outcomes, strict=True)
            for control in controls_from(group, outcome)
        )

    def assemble(
        self,
        folder: Path,
        shared_inputs: dict[Size, Path],
        artifacts: tuple[Artifact, ...],
        checked: tuple[Pipeline, ...],
        controls: tuple[NegativeControl, ...],
    ) -> Manifest:
        """Put the files together in ``folder`` and describe them."""
        for job, artifact in zip(self.keys, artifacts, strict=True):
            for file in artifact.files:
                _copy(self._entry(job) / file.path, folder / file.path)
        facts = [load_facts(path) for path in shared_inputs.values()]
        golden = _golden(facts, self.plan.graphs)
        for case in golden:
            for tensor in (*case.inputs, *case.outputs, *case.truth):
                source = next(path for path in shared_inputs.values() if (path / tensor.path).is_file())
                _copy(source / tensor.path, folder / tensor.path)
        quantizes = any(artifact.precision == "int8" for artifact in artifacts)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            reblur_version=reblur_version(),
            created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            license=LICENSE,
            checkpoint=self.sources.checkpoint,
            sizes=self.plan.sizes,
            sigma_max_px=facts[0].sigma_max_px,
            resize=RESIZE,
            tiling=TILING,
            graphs={name: facts[0].graphs[name] for name in ALL_GRAPHS if name in self.plan.graphs},
            artifacts=artifacts,
            pipelines=checked,
            golden=golden,
            tools=all_versions(package for recipe in self.plan.recipes for package in recipe.packages),
            int8=facts[0].int8 if quantizes else None,
            matrix=self._matrix(artifacts),
            controls=controls,
        )
        manifest.write(folder)
        return manifest

    def _matrix(self, artifacts: Sequence[Artifact]) -> tuple:
        """Every answer of the first size against every other."""
        answers: dict[tuple[str, str], Runs] = {}
        for job, artifact in zip(self.keys, artifacts, strict=True):
            if job.is_first_size and artifact.status == "passed":
                answers |= {(artifact.graph, k): v for k, v in load_results(self._entry(job)).items()}
        return tuple(
            cell
            for graph in self.plan.graphs
            for cell in matrix({name: runs for (own, name), runs in answers.items() if own == graph}, graph)
        )

    def _entry(self, job: Job) -> Path:
        return self.cache.entry(job.id, self.keys[job])

    def _task(self, name: str, key: str, function: Callable[..., None], arguments: tuple) -> Task:
        task = Task(name=name, function=function, arguments=arguments, folder=self.cache.entry(name, key))
        self.used.append(task.folder)
        return task

    def _run(self, tasks: Sequence[Task], is_good: Callable[[Path], bool]) -> list[Outcome]:
        """Run those tasks whose result is not there yet."""
        todo = [task for task in tasks if self.plan.force or not is_good(task.folder)]
        self.progress.add(len(todo))
        ended = run_tasks(
            todo,
            self.plan.jobs_at_once,
            self.interrupts,
            on_start=lambda task: self.progress.start(task.name),
            on_end=lambda outcome: self.progress.finish(),
        )
        by_name = {outcome.task.name: outcome for outcome in ended}
        return [by_name.get(task.name) or Outcome(task=task, reason="") for task in tasks]


def controls_of(plan: Plan) -> dict[str, tuple[Control, ...]]:
    """The negative controls of what is exported, by the recipe that they are tried on."""
    made = {recipe.id for recipe in plan.recipes}
    return {name: group for name, group in by_artifact().items() if plan.controls and name in made}


def _golden(facts: Iterable[Facts], graphs: Sequence[str]) -> tuple:
    return tuple(case for one in facts for case in one.golden if case.graph in graphs)


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
