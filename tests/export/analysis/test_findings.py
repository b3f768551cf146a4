"""Every rule on an operator that breaks it and on one that does not; the command on wrong use."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from export.analysis.findings import is_taken, lint_findings, lint_nodes
from export.analysis.operators import OpNode
from export.analysis.rules import RULES, Rule
from export.formats.table import read_graph
from export.lint import main
from runtime.manifest.manifest import Manifest

CONV = OpNode(
    op="conv",
    output="y",
    reads=("x",),
    writes=("y",),
    dtypes=("FLOAT16", "FLOAT16"),
    shapes=((1, 3, 64, 64), (1, 16, 64, 64)),
    shape=(1, 16, 64, 64),
    kernel=(3, 3),
    scalars=(1.0,),
)
CONV_2D = dataclasses.replace(
    CONV,
    op="CONV_2D",
    dtypes=("FLOAT32", "FLOAT32"),
    shapes=((1, 64, 64, 3), (1, 64, 64, 16)),
    shape=(1, 64, 64, 16),
)
GOOD = {
    "Neural Engine": CONV,
    "GPU delegate": CONV_2D,
    "NNAPI": CONV_2D,
    "WebGPU": dataclasses.replace(CONV, op="Conv"),
    "Vulkan": dataclasses.replace(CONV, op="aten.convolution.default"),
}

RANK_5: dict[str, Any] = {"shapes": ((1, 1, 3, 64, 64),)}
BROKEN: dict[str, dict[str, Any]] = {
    "ane-op": {"op": "gather"},
    "ane-fp16": {"dtypes": ("FLOAT16", "FLOAT32")},
    "ane-integers": {"dtypes": ("INT32", "FLOAT16")},
    "ane-rank": RANK_5,
    "ane-fixed-shape": {"shapes": ((1, 3, None, 64),)},
    "ane-kernel": {"kernel": (3, 15)},
    "ane-extent": {"shapes": ((1, 3, 16385, 64),)},
    "ane-pad": {"op": "pad", "mode": "reflect"},
    "ane-channels": {"shape": (1, 24, 64, 64)},
    "ane-working-set": {"shape": (1, 17, 256, 256)},  # 2.1 MiB at two bytes a value
    "ane-subnormal": {"scalars": (6e-5,)},
    "ane-tables": {"op": "exp"},
    "gpu-op": {"op": "GATHER_ND"},
    "gpu-types": {"dtypes": ("INT32", "FLOAT32")},
    "gpu-rank": RANK_5,
    "gpu-shuffle": {"op": "RESHAPE"},
    "gpu-channels": {"shape": (1, 64, 64, 6)},
    "gpu-quantised": {"dtypes": ("INT8", "INT8")},
    "nnapi-op": {"op": "RELU_0_TO_1"},
    "nnapi-rank": RANK_5,
    "nnapi-level-29": {"op": "TRANSPOSE_CONV"},
    "nnapi-level-30": {"dtypes": ("INT8", "INT8")},
    "nnapi-end": {},
    "webgpu-op": {"op": "QuantizeLinear"},
    "vulkan-layout": {"op": "aten.clone.default"},
    "vulkan-extent": {"shapes": ((1, 3, 2049, 64),)},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_tells_good_from_bad(rule: Rule) -> None:
    good = GOOD[rule.unit]
    assert rule.breaks(good) is (rule.name == "nnapi-end")
    bad = dataclasses.replace(good, **BROKEN[rule.name])
    assert rule.breaks(bad)
    assert is_taken(bad, rule.unit) is (rule.effect != "blocks")
    assert rule.name in [finding.rule for finding in lint_nodes([good, bad], rule.unit)]


def test_names_are_unique_and_sources_are_given() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source.startswith("https://") for rule in RULES)


def test_a_finding_counts_its_operators() -> None:
    slow = [dataclasses.replace(CONV, op=op, output=op) for op in ("exp", "conv", "sqrt", "exp")]
    (finding,) = lint_nodes(slow, "Neural Engine")
    assert (finding.count, finding.operators, finding.effect) == (3, ("exp", "sqrt"), "note")


def test_other_files_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"expected a file ending in \.mlpackage or \.onnx or \.pte or \.tflite"):
        lint_findings(read_graph(Path("model.bin")))
    assert main(["model.bin"]) == 2
    assert capsys.readouterr().err.startswith("error: cannot read the operators of model.bin")
    assert main([]) == 2


def test_a_core_ml_package_in_an_executorch_file_is_seen(small_export: Path) -> None:
    lowered = {a.delegate: small_export / a.path for a in Manifest.load(small_export).artifacts if a.graph == "deblur"}
    assert {finding.unit for finding in lint_findings(read_graph(lowered["coreml"]))} == {"Neural Engine"}
    assert lint_findings(read_graph(lowered["xnnpack"])) == ()


def test_the_networks_fit_every_unit(small_export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["defocus_fp16.mlpackage", "deblur_fp16.mlpackage", "deblur_fp32.tflite", "deblur_int8.tflite"]
    for name in names:
        assert [
            finding for finding in lint_findings(read_graph(small_export / name)) if finding.effect == "blocks"
        ] == []
    assert main([str(small_export / names[3])]) == 0
    printed = capsys.readouterr().out
    assert "prediction, not measurement" in printed
    assert "gpu-quantised" in printed
    assert main([str(small_export / names[3]), "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["path"] == str(small_export / names[3])
    assert "gpu-quantised" in {finding["rule"] for finding in file["findings"]}
