"""The stages of an export: what has to be made, making it, and what the manifest says about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from export.artifacts.assemble import Made, Parts, assemble
from export.artifacts.make import artifact_from, has_passed, make
from export.artifacts.pipelines import check_pipeline, pipeline_of, with_figures
from export.artifacts.shared_inputs import load_facts, make_shared_inputs
from export.artifacts.sources import Sources
from export.execution.cache import Cache, is_there, key_of
from export.execution.interrupts import Interrupts
from export.execution.logs import LOGS_FOLDER, logs_beside, move_logs, shown_path
from export.execution.output_folder import REPORT_FILE_NAME
from export.execution.process_pool import run_tasks
from export.execution.progress import Progress
from export.execution.task import Outcome, Task
from export.faults.catalog import Control
from export.faults.run import SIZE as CONTROLS_SIZE
from export.faults.run import by_artifact, controls_from, try_controls
from export.recipes.jobs import Job, Plan, size_name
from export.recipes.recipe import pipelines
from export.recipes.targets import ALL_GRAPHS, NETWORKS
from export.reporting.manifest_schema import copy_schema
from export.reporting.page import write_report
from export.verification.artifact import tools_of
from export.verification.float_model import describe_float_model
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.files import check_files
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Pipeline, Size
from runtime.system.errors import ReblurError
from train.checkpoint import Deployable


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
        self.leftovers: tuple[Path, ...] = ()
        """What is to be removed where this process is killed."""
        self.used: list[Path] = []
        """Entries of the cache that this export needs."""
        self.logs: dict[str, Path] = {}
        """Name -> log of each task that failed; an artefact's has its id."""

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
        self.leftovers = (folder,)
        shared_inputs, tried = self.shared_inputs(self.negative_controls())
        artifacts = self.artifacts(shared_inputs)
        parts = Parts(
            sources=self.sources,
            shared_inputs=shared_inputs,
            made=[
                Made(job=job, artifact=artifact, folder=self._entry(job))
                for job, artifact in zip(self.keys, artifacts, strict=True)
            ],
            pipelines=self.check_pipelines(artifacts, shared_inputs),
            controls=self.tried_controls(tried),
        )
        manifest = assemble(folder, self.plan, parts)
        if any(artifact.status == "passed" for artifact in manifest.artifacts):
            self.progress.add(1)
            self.progress.start("report")
            self.logs = move_logs(self.logs, folder / LOGS_FOLDER)
            copy_schema(folder)
            write_report(folder, networks)
            self.progress.finish()
        return manifest

    def shared_inputs(self, controls: Sequence[Task]) -> tuple[dict[Size, Path], list[Outcome]]:
        """Compute what the artefacts of each size share; where that is one process's work, others try the controls.

        Returns:
            The folder of each size, and what became of the controls.
        """
        tasks = []
        for number, (size, key) in enumerate(self.shared_input_keys.items()):
            name, graphs = f"shared-inputs-{size_name(size)}", tuple(sorted({*NETWORKS, *self.plan.graphs}))
            if len(graphs) < len(ALL_GRAPHS) and not is_there(self.cache.entry(name, key)):
                key = key_of("some shared inputs", key, graphs)
            arguments = (self.plan.checkpoint, size, number == 0, graphs)
            tasks.append(self._task(name, key, make_shared_inputs, arguments))
        outcomes = self._run([*tasks, *controls], self._stop_without_shared_inputs)
        found = {size: task.folder for size, task in zip(self.shared_input_keys, tasks, strict=True)}
        self.progress.say(describe_float_model(load_facts(found[self.plan.sizes[0]]).float_model))
        return found, outcomes[len(tasks) :]

    def _stop_without_shared_inputs(self, outcome: Outcome) -> None:
        if outcome.reason and outcome.task.function is make_shared_inputs:
            kept = {outcome.task.name: outcome.log} if outcome.log else {}
            logs = move_logs(self.logs | kept, logs_beside(self.plan.out)).values()
            raise ReblurError(f"{outcome.reason} (log: {', '.join(map(shown_path, logs))})")

    def artifacts(self, shared_inputs: dict[Size, Path]) -> tuple[Artifact, ...]:
        """Make and check every artefact; one that fails does not stop the others."""
        graphs = load_facts(next(iter(shared_inputs.values()))).graphs
        tasks = {
            job: self._task(job.id, key, make, (job, shared_inputs[job.size], key), has_passed)
            for job, key in self.keys.items()
        }
        jobs = {task.name: job for job, task in tasks.items()}

        def artifact_of(outcome: Outcome) -> Artifact:
            job = jobs[outcome.task.name]
            return artifact_from(job, graphs[job.recipe.graph], outcome)

        def stop_at_failure(outcome: Outcome) -> None:
            artifact = artifact_of(outcome)
            if artifact.status == "failed" and not artifact.experimental and not self.plan.keep_going:
                raise ReblurError(f"{artifact.id} failed ({artifact.reason}): nothing was written")

        artifacts = tuple(map(artifact_of, self._run(list(tasks.values()), stop_at_failure)))
        for artifact in artifacts:
            if artifact.status == "not run":  # for lack of a package, which its reason names
                self.logs.pop(artifact.id, None)
        return artifacts

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
        outcomes = self._run(tasks)
        return tuple(with_figures(pipeline, outcome) for pipeline, outcome in zip(found, outcomes, strict=True))

    def negative_controls(self) -> list[Task]:
        """What breaks files on purpose, to see whether the gates notice; their shared inputs are made here."""
        if not self.controls:
            return []
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
            self._run([shared_inputs], self._stop_without_shared_inputs)
        return tasks

    def tried_controls(self, outcomes: Sequence[Outcome]) -> tuple[NegativeControl, ...]:
        """What became of the files that were broken."""
        return tuple(
            control
            for group, outcome in zip(self.controls.values(), outcomes, strict=True)
            for control in controls_from(group, outcome)
        )

    def _entry(self, job: Job) -> Path:
        return self.cache.entry(job.id, self.keys[job])

    def _task(
        self,
        name: str,
        key: str,
        function: Callable[..., None],
        arguments: tuple,
        is_good: Callable[[Path], bool] = is_there,
    ) -> Task:
        folder = self.cache.entry(name, key)
        task = Task(name=name, function=function, arguments=arguments, folder=folder, is_good=is_good)
        self.used.append(task.folder)
        return task

    def _run(self, tasks: Sequence[Task], on_end: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
        """Run those tasks whose result is not there yet; ``on_end`` is told of each."""

        def ended(outcome: Outcome) -> None:
            self.progress.finish()
            on_end(outcome)

        todo = [task for task in tasks if self.plan.force or not task.is_good(task.folder)]
        self.progress.add(len(todo))
        outcomes = run_tasks(
            todo,
            self.plan.jobs_at_once,
            self.interrupts,
            on_start=lambda task: self.progress.start(task.name),
            on_end=ended,
            leftovers=self.leftovers,
            packages={"torch", *(package for recipe in self.plan.recipes for package in recipe.packages)},
        )
        self.logs |= {outcome.task.name: outcome.log for outcome in outcomes if outcome.log}
        by_name = {outcome.task.name: outcome for outcome in outcomes}
        return [by_name.get(task.name) or Outcome(task=task, reason="") for task in tasks]


def controls_of(plan: Plan) -> dict[str, tuple[Control, ...]]:
    """The negative controls of what is exported, by the recipe that they are tried on."""
    made = {recipe.id for recipe in plan.recipes}
    return {name: group for name, group in by_artifact().items() if plan.controls and name in made}
