"""What became of an export's tasks: their records, read back as parts of the manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from export.cache import read_record
from export.chain import gate_rules_chain
from export.check import failed
from export.controls import Control
from export.make import describe
from export.plan import Job
from export.targets import TARGETS
from export.tasks import not_tried
from export.workers import Outcome
from runtime.manifest.check_records import NegativeControl, ParityFigure
from runtime.manifest.json_codec import from_json
from runtime.manifest.manifest import check_files
from runtime.manifest.records import Artifact, Graph, Pipeline, Size

UNREADABLE = "its result cannot be read"


def is_there(folder: Path) -> bool:
    """Whether a task has left its record."""
    return read_record(folder) is not None


def has_passed(folder: Path) -> bool:
    """Whether an artefact was made, is whole still, and did not fail."""
    record = read_record(folder)
    if record is None:
        return False
    try:
        artifact = from_json(Artifact, record["artifact"], "record")
        if artifact.files:
            check_files(artifact, folder)
    except (ValueError, KeyError):
        return False
    return artifact.status == "passed"


def artifact_from(job: Job, graph: Graph, outcome: Outcome) -> Artifact:
    """The artefact of a job; a failed one where its process died."""
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        return failed(describe(job, graph), ValueError(outcome.reason or UNREADABLE))
    return from_json(Artifact, record["artifact"], outcome.task.name)


def pipeline_of(target: str, precision: str, size: Size, members: dict[str, Artifact]) -> Pipeline:
    """Three artefacts that belong together, before a photograph has gone through them."""
    return Pipeline(
        backend=TARGETS[target].format,
        delegate=TARGETS[target].delegate,
        precision=precision,
        height_px=size.height_px,
        width_px=size.width_px,
        gates=gate_rules_chain(precision),
        defocus=members["defocus"].id,
        deblur=members["deblur"].id,
        refocus=members["refocus"].id,
    )


def with_figures(pipeline: Pipeline, outcome: Outcome) -> Pipeline:
    """The pipeline with what was measured; where nothing could be, that is a figure that missed its gate."""
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        (gate, *_) = pipeline.gates
        missed = ParityFigure(
            case=f"not measured: {outcome.reason or UNREADABLE}", metric=gate.metric, value=None,
            threshold=gate.threshold, passed=False,
        )  # fmt: skip
        return dataclasses.replace(pipeline, parity=(missed,))
    figures = tuple(from_json(ParityFigure, figure, outcome.task.name) for figure in record["figures"])
    return dataclasses.replace(pipeline, parity=figures)


def controls_from(group: Sequence[Control], outcome: Outcome) -> tuple[NegativeControl, ...]:
    """What became of the controls of one recipe."""
    record = read_record(outcome.task.folder)
    if outcome.reason or record is None:
        return tuple(not_tried(control, outcome.reason or UNREADABLE) for control in group)
    return tuple(from_json(NegativeControl, control, outcome.task.name) for control in record["controls"])
