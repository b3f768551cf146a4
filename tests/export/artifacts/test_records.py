from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from export.artifacts.make import artifact_from, describe, has_passed
from export.artifacts.pipelines import pipeline_of, with_figures
from export.execution.cache import is_there, write_record
from export.execution.task import UNREADABLE, Outcome, Task
from export.faults.run import by_artifact, controls_from
from export.recipes.jobs import Job
from export.recipes.recipe import PIPELINE_GRAPHS, select
from runtime.manifest.check_records import ParityFigure
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, Graph, Size

SIZE = Size(height_px=64, width_px=64)
JOB = Job(recipe=select(names=["refocus-onnx-fp32"])[0], size=SIZE, is_first_size=True)
GRAPH = Graph(summary="", halo_px=0, smallest_tile_px=16, inputs=(), outputs=())


def outcome(folder: Path, reason: str = "") -> Outcome:
    return Outcome(task=Task(name="task", function=print, arguments=(), folder=folder), reason=reason)


def test_an_artefact_is_read_back(tmp_path: Path) -> None:
    artifact = describe(JOB, GRAPH)
    write_record(tmp_path, {"artifact": to_json(artifact)})
    assert artifact_from(JOB, GRAPH, outcome(tmp_path)) == artifact


@pytest.mark.parametrize(("reason", "told"), [("its process crashed: SIGSEGV",) * 2, ("", UNREADABLE)])
def test_an_artefact_without_a_record_has_failed(tmp_path: Path, reason: str, told: str) -> None:
    artifact = artifact_from(JOB, GRAPH, outcome(tmp_path, reason))
    assert (artifact.id, artifact.status, artifact.reason) == ("refocus-onnx-fp32", "failed", told)


def test_only_what_passed_and_is_whole_is_used_again(small_export: Path, tmp_path: Path) -> None:
    artifact = Manifest.load(small_export).artifact("refocus-onnx-fp32")
    assert not has_passed(tmp_path)
    (tmp_path / artifact.path).write_bytes((small_export / artifact.path).read_bytes())
    write_record(tmp_path, {"artifact": to_json(artifact)})
    assert is_there(tmp_path)
    assert has_passed(tmp_path)
    write_record(tmp_path, {"artifact": to_json(dataclasses.replace(artifact, status="failed", reason="boom"))})
    assert not has_passed(tmp_path)
    write_record(tmp_path, {"artifact": to_json(artifact)})
    (tmp_path / artifact.path).write_bytes(b"other")
    assert not has_passed(tmp_path)


def test_a_chain_that_could_not_be_measured_missed_its_gate(tmp_path: Path) -> None:
    members: dict[str, Artifact] = {
        graph: dataclasses.replace(describe(JOB, GRAPH), id=graph) for graph in PIPELINE_GRAPHS
    }
    pipeline = pipeline_of("executorch-vulkan", "fp16", SIZE, members)
    assert (pipeline.backend, pipeline.delegate, pipeline.deblur) == ("executorch", "vulkan", "deblur")
    (missed,) = with_figures(pipeline, outcome(tmp_path, "stopped after 600 s")).parity
    assert (missed.passed, missed.case) == (False, "not measured: stopped after 600 s")
    figure = ParityFigure(case="astronaut", metric="psnr_db", value=60.0, threshold=50.0, passed=True)
    write_record(tmp_path, {"figures": to_json((figure,))})
    assert with_figures(pipeline, outcome(tmp_path)).parity == (figure,)


def test_controls_that_could_not_be_tried_were_not_caught(tmp_path: Path) -> None:
    group = next(iter(by_artifact().values()))
    found = controls_from(group, outcome(tmp_path, "stopped after 600 s"))
    assert [(c.name, c.caught, c.by) for c in found] == [(c.name, False, "stopped after 600 s") for c in group]
    write_record(tmp_path, {"controls": to_json(found)})
    assert controls_from(group, outcome(tmp_path)) == found
