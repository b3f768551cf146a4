"""Makes and checks one artefact, in whatever process it is called."""

from __future__ import annotations

import dataclasses
import traceback
from pathlib import Path

from export.artifacts.shared_inputs import GraphBundle, load_bundle
from export.execution.cache import read_record, write_record
from export.execution.disk import is_full_disk
from export.execution.task import UNREADABLE, Outcome
from export.formats.mlpackage.multifunction import function_name
from export.formats.support import WriteRequest
from export.formats.table import support_of
from export.graphs.specs import GraphSpec, example_inputs
from export.recipes.jobs import Job
from export.recipes.targets import IOS_OF_FUNCTIONS, PIXEL_FORMAT, PRECISIONS, TARGETS
from export.verification.artifact import check_artifact, failed, tools_of
from export.verification.gates import gate_rules
from runtime.manifest.files import check_files, list_files
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Artifact, ArtifactTensor, Graph, TensorMeaning
from runtime.system.errors import ReblurError
from train.quantization.settings import Int8Settings

IMAGE_VARIANT = "image"
CONVERSIONS = "converted"
"""Folder beside the bundles."""


def make(folder: Path, job: Job, shared_inputs: Path, key: str) -> None:
    """Convert, save and check one artefact; the record says how that went.

    Args:
        folder: where its files go, and the record.
        job: what to make.
        shared_inputs: folder of the job's size, see ``export.artifacts.shared_inputs``.
        key: digest of all that it is made from.

    Raises:
        ReblurError: the disk is full.
    """
    bundle = load_bundle(shared_inputs, job.recipe.graph)
    artifact = dataclasses.replace(describe(job, bundle.spec), key=key)
    absent = [package for package, version in artifact.tool.items() if version == "not installed"]
    if absent:
        reason = f"{', '.join(absent)} not installed: pip install 'reblur[export]'"
        artifact = dataclasses.replace(artifact, reason=reason)
    else:
        try:
            write(job, bundle, folder / job.file_name, shared_inputs / CONVERSIONS)
            artifact = dataclasses.replace(artifact, files=list_files(folder, job.file_name))
        except Exception as error:
            if is_full_disk(error, folder):
                raise
            traceback.print_exc()
            artifact = failed(artifact, error)
    if artifact.files:
        artifact = check_artifact(artifact, folder, bundle.cases, folder / f"{job.id}.npz")
    print(f"{artifact.id}: {artifact.status} {artifact.reason}")
    write_record(folder, {"artifact": to_json(artifact)})


def describe(job: Job, graph: GraphSpec | Graph) -> Artifact:
    """The artefact of a job before it is made."""
    recipe, target = job.recipe, TARGETS[job.recipe.target]
    return Artifact(
        id=job.id,
        graph=recipe.graph,
        format=target.format,
        delegate=target.delegate,
        precision=recipe.precision,
        variant=recipe.variant,
        experimental=PRECISIONS[recipe.precision].experimental,
        path=job.file_name,
        files=(),
        inputs=tuple(_tensor(job, meaning, is_input=True) for meaning in graph.inputs),
        outputs=tuple(_tensor(job, meaning, is_input=False) for meaning in graph.outputs),
        entry=target.entry,
        requires={**target.requires, "iOS": f"{IOS_OF_FUNCTIONS}.0"} if job.joint_sizes else dict(target.requires),
        pixel_format=PIXEL_FORMAT if recipe.variant == IMAGE_VARIANT else None,
        function=function_name(job.size.height_px, job.size.width_px) if job.joint_sizes else None,
        tool=tools_of(recipe),
        status="not run",
        reason="",
        parity=(),
        gates=gate_rules(recipe.graph, recipe.precision),
    )


def _tensor(job: Job, meaning: TensorMeaning, *, is_input: bool) -> ArtifactTensor:
    target = TARGETS[job.recipe.target]
    sizes = {"N": 1, "C": meaning.channels, "H": job.size.height_px, "W": job.size.width_px}
    tensor = ArtifactTensor(
        name=meaning.name, dtype=target.dtype, layout=target.layout, shape=tuple(sizes[axis] for axis in target.layout)
    )
    if job.recipe.variant == IMAGE_VARIANT and is_input and meaning.channels == 3:
        return dataclasses.replace(tensor, dtype="uint8", kind="image", divisor=255.0)
    return tensor


def write(job: Job, bundle: GraphBundle, path: Path, conversions: Path | None = None) -> None:
    """Convert and save a job's graph.

    Args:
        job: what to make.
        bundle: of its graph and size.
        path: the file; a folder for a package.
        conversions: where float graphs are kept; None where the graph is not as it was built.
    """
    request = dataclasses.replace(request_of(job, bundle), conversions=conversions)
    support_of(job.recipe.target).write(request, path)


def request_of(job: Job, bundle: GraphBundle) -> WriteRequest:
    """What the writer of the job's target is told: the graph, with the weights that the file is made of."""
    recipe, target = job.recipe, TARGETS[job.recipe.target]
    spec = bundle.int8_spec if PRECISIONS[recipe.precision].calibrates else bundle.spec
    is_image = recipe.variant == IMAGE_VARIANT
    return WriteRequest(
        module=spec.module,
        example_inputs=example_inputs(bundle.spec, job.size.height_px, job.size.width_px),
        input_names=tuple(meaning.name for meaning in spec.inputs),
        output_names=tuple(meaning.name for meaning in spec.outputs),
        precision=recipe.precision,
        images=tuple(m.name for m in spec.inputs if m.channels == 3) if is_image else (),
        samples=bundle.samples,
        settings=bundle.settings.get(target.settings_from or target.format, Int8Settings()),
        sizes={
            function_name(size.height_px, size.width_px): example_inputs(bundle.spec, size.height_px, size.width_px)
            for size in job.joint_sizes
        },
    )


def has_passed(folder: Path) -> bool:
    """Whether an artefact was made, is whole still, and passed."""
    record = read_record(folder)
    if record is None:
        return False
    try:
        artifact = from_json(Artifact, record["artifact"], "record")
        if artifact.files:
            check_files(artifact, folder)
    except (ReblurError, KeyError):
        return False
    return artifact.status == "passed"


def artifact_from(job: Job, graph: Graph, outcome: Outcome) -> Artifact:
    """The artefact of a job; a failed one where its process died."""
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        return failed(describe(job, graph), ReblurError(outcome.reason or UNREADABLE))
    return from_json(Artifact, record["artifact"], outcome.task.name)
