"""Tries faults on files: each broken one must be turned away by the ordinary check, the unbroken one must pass."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from export.artifacts.make import describe, write
from export.artifacts.shared_inputs import GraphBundle, load_bundle
from export.execution.cache import read_record, write_record
from export.execution.task import UNREADABLE, Outcome
from export.faults.catalog import CONTROLS, Control
from export.faults.file_faults import WeightNotFoundError
from export.recipes.jobs import Job
from export.recipes.recipe import RECIPES, Recipe
from export.verification.artifact import check_artifact
from export.verification.earlier_figures import with_difference
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.files import list_files
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Artifact, Size
from runtime.system.errors import ReblurError


def try_controls(folder: Path, artifact: str, shared_inputs: Path) -> None:
    """Break a file in every way that is known and see whether its check notices; the record says what did.

    Args:
        folder: where the files and the record go.
        artifact: id of the recipe.
        shared_inputs: folder of the controls' size, see ``export.artifacts.shared_inputs``.

    Raises:
        ReblurError: the file does not even pass unbroken.
    """
    group = by_artifact()[artifact]
    found = run_group(group, shared_inputs, folder)
    for made in folder.iterdir():
        shutil.rmtree(made)
    write_record(folder, {"controls": to_json(found)})


def not_tried(control: Control, reason: str) -> NegativeControl:
    """A control that could not be tried, which is not one that was caught."""
    return NegativeControl(
        name=control.name,
        description=control.fault.description,
        artifact=control.artifact,
        caught=False,
        by=reason,
        value=None,
        threshold=None,
        tried=False,
    )


SIZE = Size(height_px=128, width_px=128)
"""Of the files that are broken: small, for it is the check that is tried here."""


def by_artifact(controls: Sequence[Control] = CONTROLS) -> dict[str, tuple[Control, ...]]:
    """The controls by what they are tried on: those of one artefact share the unbroken file."""
    return {
        name: tuple(c for c in controls if c.artifact == name) for name in dict.fromkeys(c.artifact for c in controls)
    }


def run_group(
    controls: Sequence[Control], shared_inputs: Path, folder: Path, size: Size = SIZE
) -> tuple[NegativeControl, ...]:
    """Try controls on one artefact.

    Args:
        controls: all of the same artefact.
        shared_inputs: folder that ``export.artifacts.shared_inputs.make_shared_inputs`` filled, for this size.
        folder: where the files go; there already.
        size: of the files.

    Returns:
        What became of each; ``caught`` where a gate, an overflow or the loader turned the file away.

    Raises:
        ReblurError: the unbroken file does not pass, so that a broken one would show nothing, or a broken one cannot
            be made.
    """
    (name,) = {control.artifact for control in controls}
    job = Job(recipe=_recipe(name), size=size, is_first_size=True)
    bundle = load_bundle(shared_inputs, job.recipe.graph)
    good = new_folder(folder / "unbroken") / job.file_name
    write(job, bundle, good)
    checked = _check(job, bundle, good)
    if checked.status != "passed":
        raise ReblurError(f"{name} must pass before it is broken, but {checked.reason}")
    found = []
    for number, control in enumerate(controls):
        path = new_folder(folder / f"broken_{number}") / job.file_name
        _write_broken(control, job, bundle, good, path)
        broken = _check(job, bundle, path)
        if control.fault.is_slight and broken.status == "passed":
            broken = with_difference(broken, checked, same_kernels=True)
        found.append(judge(control, broken, path.parent))
    return tuple(found)


def judge(control: Control, checked: Artifact, folder: Path) -> NegativeControl:
    """Whether a broken file was turned away, and by what.

    A file that fails for any other reason, such as a delegate that takes it in pieces, was not caught: that another
    file with the same fault would fail too is not shown by it.

    Args:
        control: what was done to it.
        checked: what its check said.
        folder: where the file is, which the sentence of a loader may name.
    """
    misses = [figure for figure in checked.parity if not figure.passed]
    refusal = control.fault.refusal
    by, value, threshold = "", None, None
    if misses:
        first = misses[0]
        where = f"{first.case} ({first.runtime})" if first.runtime else first.case
        more = f", and {len(misses) - 1} more" if len(misses) > 1 else ""
        by, threshold = f"{first.metric} on {where}{more}", first.threshold
        value = first.value if first.value is not None and math.isfinite(first.value) else None
    elif checked.status == "failed" and (control.fault.is_slight or (refusal and refusal in checked.reason)):
        by = checked.reason.replace(f"{folder}/", "")
    return NegativeControl(
        name=control.name,
        description=control.fault.description,
        artifact=control.artifact,
        caught=bool(by),
        by=by,
        value=value,
        threshold=threshold,
    )


def _write_broken(control: Control, job: Job, bundle: GraphBundle, good: Path, path: Path) -> None:
    """Write the wrong file to ``path``: the good one with bytes changed where that is possible, else a new one."""
    fault = control.fault
    if fault.file is not None:
        spec = bundle.int8_spec if job.recipe.precision == "int8" else bundle.spec
        _copy(good, path)
        try:
            fault.file(path, spec.module)
            return
        except WeightNotFoundError:
            if fault.bundle is None:
                raise
    assert fault.bundle is not None
    write(job, fault.bundle(bundle), path)


def _copy(good: Path, path: Path) -> None:
    if good.is_dir():
        shutil.copytree(good, path)
    else:
        shutil.copyfile(good, path)


def _check(job: Job, bundle: GraphBundle, path: Path) -> Artifact:
    """The ordinary check of an export."""
    artifact = dataclasses.replace(describe(job, bundle.spec), files=list_files(path.parent, path.name))
    return check_artifact(artifact, path.parent, bundle.cases)


def _recipe(name: str) -> Recipe:
    (recipe,) = (recipe for recipe in RECIPES if recipe.id == name)
    return recipe


def new_folder(folder: Path) -> Path:
    """Make a folder, and say where it is."""
    folder.mkdir(parents=True)
    return folder


def controls_from(group: Sequence[Control], outcome: Outcome) -> tuple[NegativeControl, ...]:
    """What became of the controls of one recipe."""
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        return tuple(not_tried(control, outcome.reason or UNREADABLE) for control in group)
    return tuple(from_json(NegativeControl, control, outcome.task.name) for control in record["controls"])
