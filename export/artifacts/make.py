"""Makes and checks one artefact, in whatever process it is called."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from torch import Tensor

from export.artifacts.shared_inputs import Kit, load_kit
from export.data.calibration import Samples
from export.execution.cache import read_record, write_record
from export.execution.disk import is_full_disk
from export.execution.process_pool import UNREADABLE, Outcome
from export.formats.mlpackage.multifunction import function_name, write_multifunction
from export.graphs.specs import GraphSpec, example_inputs
from export.recipes.jobs import Job
from export.recipes.targets import PRECISIONS, TARGETS
from export.verification.artifact import check_artifact, failed, tools_of
from export.verification.gates import gate_rules
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.manifest import check_files, list_files
from runtime.manifest.records import Artifact, ArtifactTensor, Format, Graph, TensorMeaning
from runtime.system.errors import ReblurError
from train.quantization.settings import Int8Settings

IMAGE_VARIANT, CPU_VARIANT = "image", "nchw"


def make(folder: Path, job: Job, materials: Path, key: str) -> None:
    """Convert, save and check one artefact; the record says how that went.

    Args:
        folder: where its files go, and the record.
        job: what to make.
        materials: folder of the job's size, see ``export.artifacts.shared_inputs``.
        key: digest of all that it is made from.

    Raises:
        ReblurError: the disk is full.
    """
    kit = load_kit(materials, job.recipe.graph)
    artifact = dataclasses.replace(describe(job, kit.spec), key=key)
    absent = [package for package, version in artifact.tool.items() if version == "not installed"]
    if absent:
        reason = f"{', '.join(absent)} not installed: pip install 'reblur[export]'"
        artifact = dataclasses.replace(artifact, reason=reason)
    else:
        try:
            WRITERS[job.recipe.target](job, kit, folder / job.file_name)
            artifact = dataclasses.replace(artifact, files=list_files(folder, job.file_name))
        except Exception as error:
            if is_full_disk(error, folder):
                raise
            artifact = failed(artifact, error)
    if artifact.files:
        artifact = check_artifact(artifact, folder, kit.cases, folder / f"{job.id}.npz")
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
        function=function_name(job.size.height_px, job.size.width_px) if job.joint_sizes else None,
        tool=tools_of(recipe),
        status="not run",
        reason="",
        parity=(),
        gates=gate_rules(recipe.graph, recipe.precision),
    )


def _tensor(job: Job, meaning: TensorMeaning, *, is_input: bool) -> ArtifactTensor:
    target = TARGETS[job.recipe.target]
    layout = "NCHW" if job.recipe.variant == CPU_VARIANT else target.layout
    sizes = {"N": 1, "C": meaning.channels, "H": job.size.height_px, "W": job.size.width_px}
    tensor = ArtifactTensor(
        name=meaning.name, dtype=target.dtype, layout=layout, shape=tuple(sizes[axis] for axis in layout)
    )
    if job.recipe.variant == IMAGE_VARIANT and is_input and meaning.channels == 3:
        return dataclasses.replace(tensor, dtype="uint8", kind="image", divisor=255.0)
    return tensor


def _write_coreml(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.mlpackage.write import write_mlpackage

    if job.joint_sizes:
        _write_joint_coreml(job, kit, path)
        return
    spec = _spec_of(job, kit)
    images = [m.name for m in spec.inputs if m.channels == 3] if job.recipe.variant == IMAGE_VARIANT else []
    # There is no search for w8a8: it keeps float what the TFLite file of the same weights does.
    (float_first_convs, *_) = _quantisation_settings(kit, "tflite").float_first_convs
    write_mlpackage(
        spec.module, examples(job, kit), _names(spec.inputs), _names(spec.outputs), path,
        precision=job.recipe.precision, calibration=kit.samples, images=images, float_first_convs=float_first_convs,
    )  # fmt: skip


def _write_joint_coreml(job: Job, kit: Kit, path: Path) -> None:
    """One package with a function for each size; the same one whichever size the job is for."""
    with tempfile.TemporaryDirectory() as scratch:
        packages = {}
        for size in job.joint_sizes:
            single = dataclasses.replace(job, size=size, joint_sizes=())
            name = function_name(size.height_px, size.width_px)
            packages[name] = Path(scratch) / f"{name}{path.suffix}"
            _write_coreml(single, kit, packages[name])
        write_multifunction(packages, path, default=next(iter(packages)))


def _write_tflite(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.tflite.write import write_tflite

    spec = _spec_of(job, kit)
    write_tflite(
        spec.module, examples(job, kit), _names(spec.inputs), _names(spec.outputs), path,
        layout="NCHW" if job.recipe.variant == CPU_VARIANT else "NHWC", **_quantisation(job, kit),
    )  # fmt: skip


def _write_executorch(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.pte.xnnpack import write_pte

    write_pte(_spec_of(job, kit).module, examples(job, kit), path, **_quantisation(job, kit))


def _write_executorch_coreml(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.pte.coreml import write_coreml_pte

    write_coreml_pte(kit.spec.module, examples(job, kit), path)


def _write_executorch_vulkan(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.pte.vulkan import write_vulkan_pte

    write_vulkan_pte(kit.spec.module, examples(job, kit), path, precision=job.recipe.precision)


def _write_onnx(job: Job, kit: Kit, path: Path) -> None:
    from export.formats.onnx.write import write_onnx

    spec = _spec_of(job, kit)
    write_onnx(
        spec.module, examples(job, kit), _names(spec.inputs), _names(spec.outputs), path, **_quantisation(job, kit)
    )


WRITERS: dict[str, Callable[[Job, Kit, Path], None]] = {
    "coreml": _write_coreml,
    "tflite": _write_tflite,
    "executorch": _write_executorch,
    "executorch-coreml": _write_executorch_coreml,
    "executorch-vulkan": _write_executorch_vulkan,
    "onnx": _write_onnx,
}
"""Target -> what writes it. Each imports its converter when it is first called."""


def examples(job: Job, kit: Kit) -> tuple[Tensor, ...]:
    """Inputs to trace the job's graph with."""
    return example_inputs(kit.spec, job.size.height_px, job.size.width_px)


class Quantisation(TypedDict):
    """What the writers that can quantise are told besides the graph."""

    precision: str
    calibration: Samples | None
    settings: Int8Settings


def _quantisation(job: Job, kit: Kit) -> Quantisation:
    """How a file is to be quantised; the same for every target."""
    return {
        "precision": job.recipe.precision,
        "calibration": kit.samples,
        "settings": _quantisation_settings(kit, TARGETS[job.recipe.target].format),
    }


def _quantisation_settings(kit: Kit, format_: Format) -> Int8Settings:
    return kit.settings.get(format_, Int8Settings())


def _spec_of(job: Job, kit: Kit) -> GraphSpec:
    """The graph with the weights that the file is made of."""
    return kit.int8_spec if PRECISIONS[job.recipe.precision].calibrates else kit.spec


def _names(meanings: tuple[TensorMeaning, ...]) -> list[str]:
    return [meaning.name for meaning in meanings]


assert set(WRITERS) == set(TARGETS)


def has_passed(folder: Path) -> bool:
    """Whether an artefact was made, is whole still, and did not fail."""
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
