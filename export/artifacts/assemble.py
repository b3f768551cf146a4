"""Puts what was made together: the files in one folder, and the manifest that describes them."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.artifacts.recommendations import recommendations
from export.artifacts.shared_inputs import load_facts
from export.artifacts.sources import Sources
from export.graphs.preprocessing import CONVENTIONS, RESIZE, TILING
from export.recipes.jobs import Job, Plan
from export.recipes.recipe import ALL_GRAPHS
from export.recipes.targets import PIPELINE_GRAPHS
from export.recipes.tool_versions import all_versions
from export.verification.cross_runtime import Runs, load_results, matrix
from runtime.manifest.check_records import MatrixCell, NegativeControl
from runtime.manifest.golden_records import GoldenInput, GoldenOutput
from runtime.manifest.manifest import SCHEMA_MINOR, SCHEMA_VERSION, Manifest
from runtime.manifest.records import Artifact, Pipeline, Size
from runtime.system.version import reblur_version

LICENSE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Made:
    """One artefact of an export, and where its files are."""

    job: Job
    artifact: Artifact
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that an export consists of."""

    sources: Sources
    shared_inputs: Mapping[Size, Path]
    """Size -> folder, see ``export.artifacts.shared_inputs``."""
    made: Sequence[Made]
    pipelines: tuple[Pipeline, ...]
    controls: tuple[NegativeControl, ...]


def assemble(folder: Path, plan: Plan, parts: Parts) -> Manifest:
    """Copy the files that passed into ``folder`` and describe them there; what failed is described, too."""
    for one in parts.made:
        for file in _published(one.artifact).files:
            _copy(one.folder / file.path, folder / file.path)
    facts = [load_facts(path) for path in parts.shared_inputs.values()]
    golden = tuple(case for fact in facts for case in fact.golden if case.graph in plan.graphs)
    for case in golden:
        tensors: tuple[GoldenInput | GoldenOutput, ...] = (*case.inputs, *case.outputs, *case.truth)
        for tensor in tensors:
            source = next(path for path in parts.shared_inputs.values() if (path / tensor.path).is_file())
            _copy(source / tensor.path, folder / tensor.path)
    chain = facts[0].golden_chain if set(PIPELINE_GRAPHS) <= set(plan.graphs) else None
    for tensor in chain.tensors if chain else ():
        _copy(next(iter(parts.shared_inputs.values())) / tensor.path, folder / tensor.path)
    artifacts = tuple(_published(one.artifact) for one in parts.made)
    quantizes = any(artifact.precision == "int8" for artifact in artifacts)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        schema_minor=SCHEMA_MINOR,
        reblur_version=reblur_version(),
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        license=LICENSE,
        checkpoint=parts.sources.checkpoint,
        sizes=plan.sizes,
        sigma_max_px=facts[0].sigma_max_px,
        resize=RESIZE,
        tiling=TILING,
        conventions=CONVENTIONS,
        graphs={name: facts[0].graphs[name] for name in ALL_GRAPHS if name in plan.graphs},
        artifacts=artifacts,
        pipelines=parts.pipelines,
        recommended=recommendations(artifacts, parts.pipelines, plan.sizes[0]),
        golden=golden,
        golden_chain=chain,
        tools=all_versions(package for recipe in plan.recipes for package in recipe.packages),
        int8=facts[0].int8 if quantizes else None,
        float_model=facts[0].float_model,
        matrix=_matrix(plan, parts.made),
        controls=parts.controls,
    )
    manifest.write(folder)
    return manifest


def _published(artifact: Artifact) -> Artifact:
    """As the manifest has it: a file that failed is not there."""
    return artifact if artifact.status == "passed" else dataclasses.replace(artifact, files=())


def _matrix(plan: Plan, made: Sequence[Made]) -> tuple[MatrixCell, ...]:
    """Every answer of the first size against every other."""
    answers: dict[tuple[str, str], Runs] = {}
    for one in made:
        if one.job.is_first_size and one.artifact.status == "passed":
            answers |= {(one.artifact.graph, k): v for k, v in load_results(one.folder).items()}
    return tuple(
        cell
        for graph in plan.graphs
        for cell in matrix({name: runs for (own, name), runs in answers.items() if own == graph}, graph)
    )


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
