"""Three artefacts as a pipeline: photographs go through them from end to end, and the record says how that went."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from export.artifacts.shared_inputs import load_pipeline_reference
from export.execution.cache import read_record, write_record
from export.execution.task import UNREADABLE, Outcome
from export.formats.table import runtimes_of
from export.recipes.targets import TARGETS
from export.verification.end_to_end import check_pipeline_parity, pipeline_gate_rules
from export.verification.memory import peak_mib
from runtime.backends.base import GraphRunner
from runtime.manifest.check_records import ParityFigure
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Artifact, Pipeline, Size, Status
from runtime.refocusing.tiling import TiledGraph


def check_pipeline(
    folder: Path, members: Mapping[str, Artifact], places: Mapping[str, Path], precision: str, shared_inputs: Path
) -> None:
    """Run photographs through three saved files, from end to end.

    Args:
        folder: where the record goes.
        members: graph -> artefact.
        places: graph -> folder of the artefact's file.
        precision: of the pipeline.
        shared_inputs: folder of their size, see ``export.artifacts.shared_inputs``.
    """
    runners: dict[str, GraphRunner] = {}

    def open_and_call() -> None:
        for graph, artifact in members.items():
            runners[graph] = runtimes_of(artifact)[0].open(artifact, places[graph] / artifact.path, None)
            shapes = {tensor.name: dict(zip(tensor.layout, tensor.shape, strict=True)) for tensor in artifact.inputs}
            runners[graph].run({name: np.zeros([n[axis] for axis in "NCHW"], np.float32) for name, n in shapes.items()})

    peak = peak_mib(open_and_call)
    reference = load_pipeline_reference(shared_inputs)
    graphs = {graph: TiledGraph.of(runner, reference.halo_px[graph]) for graph, runner in runners.items()}
    figures = check_pipeline_parity(graphs, precision, reference)
    is_theirs = all(runtimes_of(artifact)[0].packages for artifact in members.values())
    write_record(folder, {"figures": to_json(figures), "peak_memory_mib": peak if is_theirs else None})


def pipeline_of(target: str, precision: str, size: Size, members: dict[str, Artifact]) -> Pipeline:
    """Three artefacts that belong together, before a photograph has gone through them."""
    return Pipeline(
        backend=TARGETS[target].format,
        delegate=TARGETS[target].delegate,
        precision=precision,
        height_px=size.height_px,
        width_px=size.width_px,
        gates=pipeline_gate_rules(precision),
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
            case=f"not measured: {outcome.reason or UNREADABLE}",
            metric=gate.metric,
            value=None,
            threshold=gate.threshold,
            passed=False,
        )
        return dataclasses.replace(pipeline, parity=(missed,), status="failed")
    figures = tuple(from_json(ParityFigure, figure, outcome.task.name) for figure in record["figures"])
    passed = all(figure.passed for figure in figures)
    status: Status = "passed" if passed else "failed"
    return dataclasses.replace(pipeline, parity=figures, status=status, peak_memory_mib=record.get("peak_memory_mib"))
