"""Tasks of an export other than making a file: the whole chain, and the negative controls. See ``export.workers``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from export.cache import write_record
from export.chain import check_chain
from export.controls import Control, by_artifact, run_group
from export.materials import load_chain
from export.runtimes import runtimes_of
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.json_codec import to_json
from runtime.manifest.records import Artifact


def check_pipeline(
    folder: Path, members: Mapping[str, Artifact], places: Mapping[str, Path], precision: str, materials: Path
) -> None:
    """Run photographs through three saved files, from end to end.

    Args:
        folder: where the record goes.
        members: graph -> artefact.
        places: graph -> folder of the artefact's file.
        precision: of the pipeline.
        materials: folder of their size, see ``export.materials``.
    """
    runners = {
        graph: runtimes_of(artifact)[0].open(artifact, places[graph] / artifact.path)
        for graph, artifact in members.items()
    }
    figures = check_chain(runners, precision, load_chain(materials))
    write_record(folder, {"figures": to_json(figures)})


def try_controls(folder: Path, artifact: str, materials: Path) -> None:
    """Break a file in every way that is known and see whether its check notices; the record says what did.

    A file that does not even pass unbroken shows nothing, and the record says that.

    Args:
        folder: where the files and the record go.
        artifact: id of the recipe.
        materials: folder of the controls' size, see ``export.materials``.
    """
    group = by_artifact()[artifact]
    try:
        found = run_group(group, materials, folder)
    except ValueError as error:
        found = tuple(not_tried(control, str(error)) for control in group)
    for made in folder.iterdir():
        shutil.rmtree(made)
    write_record(folder, {"controls": to_json(found)})


def not_tried(control: Control, reason: str) -> NegativeControl:
    """A control that could not be tried, which is not one that was caught."""
    return NegativeControl(
        name=control.name, description=control.mistake.description, artifact=control.artifact, caught=False,
        by=reason, value=None, threshold=None,
    )  # fmt: skip
