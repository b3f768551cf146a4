import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from export.analysis.coverage import Coverage
from export.data.golden_files import load_case
from export.verification import artifact as check
from runtime.manifest.manifest import Manifest

TORN = Coverage(
    delegate="XNNPACK (LiteRT)",
    method="measured",
    subgraphs=3,
    inside={"CONV_2D": 4},
    outside={"RELU_0_TO_1": 2},
    multiplications_inside=90,
    multiplications_outside=10,
)


@pytest.mark.parametrize(("method", "status"), [("measured", "failed"), ("predicted", "passed")])
def test_a_graph_in_pieces_fails_where_that_is_measured(
    method: Literal["measured", "predicted"], status: str, small_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.load(small_export)
    artifact = next(a for a in manifest.artifacts if a.id == "deblur-tflite-fp32")
    monkeypatch.setattr(check, "coverage", lambda *_: (dataclasses.replace(TORN, method=method),))
    cases = [load_case(golden, small_export) for golden in manifest.golden if golden.graph == "deblur"]
    found = check.check_artifact(artifact, small_export, cases)
    assert found.status == status
    assert found.coverage[0].outside == {"RELU_0_TO_1": 2}
    if status == "failed":
        assert found.reason.startswith("XNNPACK (LiteRT) takes the graph in 3 subgraphs, not 1")
