from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from export.reporting.text import (
    counts,
    describe_controls,
    describe_logs,
    pipeline_table,
    summary,
    table,
    worst_figures,
)
from runtime.manifest.check_records import NegativeControl, ParityFigure
from runtime.manifest.records import Artifact, ArtifactFile, Format, Pipeline, Status


def figure(
    metric: str, value: float | None, case: str = "astronaut", threshold: float = 42.0, passed: bool = True
) -> ParityFigure:
    return ParityFigure(
        case=case, metric=metric, value=value, threshold=threshold, passed=passed, runtime="LiteRT XNNPACK"
    )


def artifact(status: Status, reason: str = "", format_: Format = "tflite", *figures: ParityFigure) -> Artifact:
    files = (ArtifactFile(path="deblur_int8.tflite", bytes=3 * 2**19, sha256="0" * 64),) if status == "passed" else ()
    return Artifact(
        id="deblur-tflite-int8",
        graph="deblur",
        format=format_,
        precision="int8",
        path="deblur_int8.tflite",
        files=files,
        inputs=(),
        outputs=(),
        tool={},
        status=status,
        reason=reason,
        parity=figures,
    )


def test_the_worst_case_is_the_lowest_psnr_and_the_largest_error() -> None:
    figures = [
        figure("psnr_db", 60.0),
        figure("psnr_db", 50.0, "noise"),
        figure("mean_px", 0.1),
        figure("mean_px", 0.3, "noise"),
        figure("mean_px", 0.2, "camera"),
    ]
    assert {name: f.value for name, f in worst_figures(figures).items()} == {"psnr_db": 50.0, "mean_px": 0.3}


def test_the_worst_case_is_judged_by_its_own_gate() -> None:
    figures = [figure("p99_px", 0.4, "astronaut", threshold=0.5), figure("p99_px", 0.6, "noise", threshold=2.0)]
    assert worst_figures(figures)["p99_px"].case == "astronaut"


def test_no_number_is_the_worst_of_all() -> None:
    for metric in ("psnr_db", "mean_px"):
        for missing in (math.nan, None):
            (worst,) = worst_figures(
                [figure(metric, 1.0), figure(metric, missing, "bad", passed=False), figure(metric, 2.0)]
            ).values()
            assert worst.case == "bad"


def test_equal_pictures_are_the_best_of_all() -> None:
    (worst,) = worst_figures([figure("psnr_db", None, "equal"), figure("psnr_db", 90.0)]).values()
    assert worst.value == 90.0


def test_a_row_has_size_worst_figures_gates_and_outcome() -> None:
    text = table([artifact("passed", "", "tflite", figure("psnr_db", 55.31), figure("p99_px", 0.157, threshold=0.5))])
    row = text.splitlines()[2]
    assert row.split() == [
        "deblur-tflite-int8",
        "1.50",
        "PSNR",
        "55.3",
        "dB",
        "(>=",
        "42),",
        "p99",
        "0.16",
        "px",
        "(<=",
        "0.5)",
        "passed",
    ]


def test_reasons_and_what_ran_the_files_are_told() -> None:
    text = table([artifact("failed", "boom"), artifact("passed", "", "coreml", figure("psnr_db", 70.0))])
    assert "failed: boom" in text
    assert "coreml: run again with LiteRT XNNPACK" in text
    assert "not run: placement on the Neural Engine and latency on phones: needs an Apple device" in text


def test_logs_are_named_in_the_row_of_their_file_or_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [artifact("failed", "boom")]
    logs = {name: tmp_path / "out.logs" / f"{name}.log" for name in ("deblur-tflite-int8", "pipeline-onnx-fp32")}
    assert "failed: boom (log: out.logs/deblur-tflite-int8.log)" in table(found, logs)
    assert describe_logs(found, logs) == "log of pipeline-onnx-fp32: out.logs/pipeline-onnx-fp32.log"
    assert describe_logs(found, {}) == ""


def test_nothing_is_said_of_apple_devices_where_core_ml_was_not_asked_for() -> None:
    text = table([artifact("passed", "", "tflite", figure("psnr_db", 70.0))])
    assert "Apple" not in text
    assert "need an Android device" in text


def test_a_loss_within_its_gate_is_not_worth_a_column() -> None:
    within = table([artifact("passed", "", "tflite", figure("loss_db", 0.1, threshold=0.2))])
    beyond = table([artifact("failed", "boom", "tflite", figure("loss_db", 0.3, threshold=0.2, passed=False))])
    assert "loss" not in within
    assert "loss 0.3 dB (<= 0.2)" in beyond


def test_the_chain_has_a_line_for_each_set_of_files() -> None:
    pipeline = Pipeline(
        backend="executorch",
        delegate="vulkan",
        precision="fp16",
        defocus="a",
        deblur="b",
        refocus="c",
        height_px=512,
        width_px=768,
        parity=(figure("psnr_db", 60.04, threshold=50.0),),
    )
    line = pipeline_table([pipeline]).splitlines()[1]
    assert line.split() == ["executorch-vulkan-fp16", "512x768", "PSNR", "60.0", "dB", "(>=", "50)", "passed"]
    assert pipeline_table([]) == ""


def test_controls_that_were_missed_are_named() -> None:
    controls = [
        NegativeControl(name=name, description="", artifact="a", caught=caught, by="", value=None, threshold=None)
        for name, caught in (("identity", True), ("BGR", False))
    ]
    text = describe_controls(controls)
    assert text == "negative controls: 1 of 2 broken files were turned away; not noticed: BGR (a)"
    absent = dataclasses.replace(controls[0], caught=False, tried=False, by="stopped after 600 s")
    text = describe_controls([*controls, absent])
    assert text.startswith("negative controls: 1 of 2 broken files were turned away; not noticed: BGR (a); ")
    assert text.endswith("; not tried: identity (a: stopped after 600 s)")
    assert describe_controls([]) == ""


def test_counts() -> None:
    artifacts = [artifact("passed"), artifact("failed", "boom"), artifact("passed"), artifact("not run", "no tool")]
    assert counts(artifacts) == "2 passed, 1 failed, 1 not run"


def test_the_summary_is_json_with_every_figure() -> None:
    facts = summary([artifact("passed", "", "tflite", figure("psnr_db", math.inf))], written=True)
    (row,) = json.loads(json.dumps(facts, allow_nan=False))["artifacts"]
    assert (row["size_mib"], row["checked_with"], row["parity"][0]["value"]) == (1.5, ["LiteRT XNNPACK"], None)
    assert facts["written"] is True
