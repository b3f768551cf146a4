"""The stages of an export, in a folder of its own: convert and quantise, check, describe."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from torch import Tensor

from export.check import check_artifact, failed, tools_of
from export.contract import RESIZE, tiling
from export.golden import Case, make_cases
from export.golden_files import save_cases
from export.graphs import GraphSpec, build_graphs, example_inputs
from export.int8 import Int8Materials, prepare_int8
from export.interrupts import Interrupts
from export.parity import gate_rules
from export.progress import Progress
from export.quantize import Samples
from export.recipes import RECIPES, TARGETS, Recipe, pipelines
from export.staging import full_disk_message, is_full_disk
from export.versions import all_versions, reblur_version
from runtime.manifest import SCHEMA_VERSION, Manifest, list_files, sha256_of
from runtime.schema import Artifact, ArtifactTensor, Checkpoint, Graph, Pipeline, TensorMeaning
from train.checkpoint import Deployable

LICENSE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to export, and where to."""

    checkpoint: Path
    out: Path
    recipes: tuple[Recipe, ...]
    height: int
    width: int

    @property
    def graphs(self) -> tuple[str, ...]:
        """Graphs that have a recipe here."""
        return tuple(dict.fromkeys(recipe.graph for recipe in self.recipes))

    @property
    def quantizes(self) -> bool:
        """Whether any recipe needs representative inputs."""
        return any(recipe.precision == "int8" for recipe in self.recipes)

    @property
    def steps(self) -> int:
        """Steps of the progress bar: two for each recipe and one for each common preparation."""
        return 2 * len(self.recipes) + 1 + int(self.quantizes)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What all recipes share while they are made."""

    plan: Plan
    specs: Mapping[str, GraphSpec]
    cases: Sequence[Case]
    """With the answers of the float weights, whatever weights an artefact is made of."""
    int8: Int8Materials


def build(plan: Plan, networks: Deployable, folder: Path, progress: Progress, interrupts: Interrupts) -> Manifest:
    """Make, save and check every artefact of the plan in ``folder``, with golden vectors and manifest.json.

    A recipe that fails is one failed artefact; the others go on.

    Raises:
        ValueError: the disk is full, or nothing can be made at all.
    """
    specs = build_graphs(networks)
    progress.start("float reference on the check pictures")
    cases = [c for c in make_cases(specs, plan.height, plan.width) if c.graph in plan.graphs]
    golden = save_cases(cases, folder)
    progress.finish()
    int8 = Int8Materials()
    if plan.quantizes:
        progress.start("representative inputs for int8")
        int8 = prepare_int8(plan.checkpoint, networks, specs, plan.height, plan.width)
        progress.finish()
    workshop = Workshop(plan=plan, specs=specs, cases=cases, int8=int8)
    artifacts = tuple(make(recipe, workshop, folder, progress, interrupts) for recipe in plan.recipes)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        reblur_version=reblur_version(),
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        license=LICENSE,
        checkpoint=Checkpoint(name=plan.checkpoint.name, sha256=sha256_of(plan.checkpoint)),
        height_px=plan.height,
        width_px=plan.width,
        sigma_max_px=networks.config.sigma_max_px,
        resize=RESIZE,
        tiling=tiling(plan.height, plan.width),
        graphs={name: _describe_graph(specs[name]) for name in plan.graphs},
        artifacts=artifacts,
        pipelines=_usable_pipelines(artifacts),
        golden=golden,
        tools=all_versions(package for recipe in plan.recipes for package in recipe.packages),
        int8=int8.source,
    )
    manifest.write(folder)
    return manifest


def make(recipe: Recipe, workshop: Workshop, folder: Path, progress: Progress, interrupts: Interrupts) -> Artifact:
    """Convert, save and check one artefact.

    Returns:
        The artefact, passed, failed, or not run where its converter is not installed.

    Raises:
        ValueError: the disk is full.
    """
    artifact = describe(recipe, workshop)
    name = f"{recipe.graph} {recipe.format} {recipe.precision}"
    progress.start(f"{name}: {'quantise and convert' if recipe.precision == 'int8' else 'convert'}")
    absent = [package for package, version in artifact.tool.items() if version == "not installed"]
    if absent:
        reason = f"{', '.join(absent)} not installed: pip install 'reblur[export]'"
        artifact = dataclasses.replace(artifact, reason=reason)
    else:
        try:
            WRITERS[recipe.format](recipe, workshop, folder / recipe.file_name)
            artifact = dataclasses.replace(artifact, files=list_files(folder, recipe.file_name))
        except Exception as error:
            if is_full_disk(error, folder):
                raise ValueError(full_disk_message(workshop.plan.out)) from error
            artifact = failed(artifact, error)
    interrupts.check()
    progress.finish()
    progress.start(f"{name}: check")
    if artifact.files:
        artifact = check_artifact(artifact, folder, workshop.cases)
    interrupts.check()
    progress.finish()
    return artifact


def describe(recipe: Recipe, workshop: Workshop) -> Artifact:
    """The artefact of a recipe before it is made."""
    target, spec, plan = TARGETS[recipe.format], workshop.specs[recipe.graph], workshop.plan

    def tensor(meaning: TensorMeaning) -> ArtifactTensor:
        sizes = {"N": 1, "C": meaning.channels, "H": plan.height, "W": plan.width}
        shape = tuple(sizes[axis] for axis in target.layout)
        return ArtifactTensor(name=meaning.name, dtype=target.dtype, layout=target.layout, shape=shape)

    return Artifact(
        id=recipe.id,
        graph=recipe.graph,
        format=recipe.format,
        precision=recipe.precision,
        path=recipe.file_name,
        files=(),
        inputs=tuple(tensor(meaning) for meaning in spec.inputs),
        outputs=tuple(tensor(meaning) for meaning in spec.outputs),
        tool=tools_of(recipe),
        status="not run",
        reason="",
        parity=(),
        gates=gate_rules(recipe.graph, recipe.precision),
    )


def _write_coreml(recipe: Recipe, workshop: Workshop, path: Path) -> None:
    from export.mlpackage import write_mlpackage

    spec, inputs = workshop.specs[recipe.graph], examples(recipe, workshop)
    write_mlpackage(spec.module, inputs, _names(spec.inputs), _names(spec.outputs), path, precision=recipe.precision)


def _write_tflite(recipe: Recipe, workshop: Workshop, path: Path) -> None:
    from export.tflite import write_tflite

    spec, inputs = _spec_of(recipe, workshop), examples(recipe, workshop)
    write_tflite(
        spec.module, inputs, _names(spec.inputs), _names(spec.outputs), path, **_quantisation(recipe, workshop)
    )


def _write_executorch(recipe: Recipe, workshop: Workshop, path: Path) -> None:
    from export.pte import write_pte

    spec, inputs = _spec_of(recipe, workshop), examples(recipe, workshop)
    write_pte(spec.module, inputs, path, **_quantisation(recipe, workshop))


def _write_onnx(recipe: Recipe, workshop: Workshop, path: Path) -> None:
    from export.onnx import write_onnx

    spec, inputs = _spec_of(recipe, workshop), examples(recipe, workshop)
    write_onnx(spec.module, inputs, _names(spec.inputs), _names(spec.outputs), path, **_quantisation(recipe, workshop))


WRITERS: dict[str, Callable[[Recipe, Workshop, Path], None]] = {
    "coreml": _write_coreml,
    "tflite": _write_tflite,
    "executorch": _write_executorch,
    "onnx": _write_onnx,
}
"""Format -> what writes it. Each imports its converter when it is first called."""


def examples(recipe: Recipe, workshop: Workshop) -> tuple[Tensor, ...]:
    """Inputs to trace the recipe's graph with."""
    return example_inputs(workshop.specs[recipe.graph], workshop.plan.height, workshop.plan.width)


def _spec_of(recipe: Recipe, workshop: Workshop) -> GraphSpec:
    """The graph with the weights that the recipe is made of."""
    specs = workshop.int8.specs if recipe.precision == "int8" else workshop.specs
    return specs[recipe.graph]


class Quantisation(TypedDict):
    """What the writers that can quantise are told besides the graph."""

    precision: str
    calibration: Samples | None
    float_first_convs: int


def _quantisation(recipe: Recipe, workshop: Workshop) -> Quantisation:
    """How a recipe is to be quantised; the same for every format."""
    int8 = workshop.int8
    return {
        "precision": recipe.precision,
        "calibration": int8.samples.get(recipe.graph),
        "float_first_convs": int8.float_first_convs.get(recipe.graph, 0),
    }


def _names(meanings: tuple[TensorMeaning, ...]) -> list[str]:
    return [meaning.name for meaning in meanings]


def _describe_graph(spec: GraphSpec) -> Graph:
    return Graph(summary=spec.summary, halo_px=spec.halo_px, inputs=spec.inputs, outputs=spec.outputs)


def _usable_pipelines(artifacts: Sequence[Artifact]) -> tuple[Pipeline, ...]:
    """The pipelines whose three artefacts all passed."""
    passed = {artifact.id for artifact in artifacts if artifact.status == "passed"}
    return tuple(
        Pipeline(
            backend=format_,
            precision=precision,
            defocus=chosen["defocus"].id,
            deblur=chosen["deblur"].id,
            refocus=chosen["refocus"].id,
        )
        for format_, precision, chosen in pipelines([r for r in RECIPES if r.id in passed])
    )
