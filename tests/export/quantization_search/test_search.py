from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path

import pytest

from export import search
from export.data.pictures import CALIBRATION_PICTURES, CHECK_PICTURES
from export.execution.progress import Progress
from export.quantization_search import command
from export.quantization_search.candidates import Candidate, candidates
from export.quantization_search.selection import choose, margin, spare
from export.quantization_search.table import table_of
from export.quantization_search.trial import Trial, paired_times_ms
from export.recipes.int8_choice import FORMATS, NETWORKS
from runtime.manifest.check_records import ParityFigure
from train.quantization.settings import Int8Settings

pytestmark = pytest.mark.slow

PLAIN = Candidate(graph="defocus", format="onnx", fine_tuned=True, settings=Int8Settings())
FAILING = dataclasses.replace(PLAIN, settings=Int8Settings(ranges="mse"))


def trial(spare: float, size_bytes: int = 100, speedup: float = 3.0) -> Trial:
    """A trial whose only figure has ``spare`` of its threshold to spare."""
    value = 0.5 * (1.0 - spare)
    figure = ParityFigure(
        case="camera", metric="mean_px", value=value, threshold=0.5, passed=value <= 0.5, margin=0.5 - value
    )
    return Trial(
        candidate=PLAIN,
        figures=(figure,),
        size_bytes=size_bytes,
        float_size_bytes=400,
        latency_ms=1.0,
        speedup=speedup,
        speedup_quartiles=(speedup, speedup),
    )


def test_gates_come_first() -> None:
    small_but_wrong, large = trial(-0.1, size_bytes=50, speedup=9.0), trial(0.5)
    assert choose([small_but_wrong, large]) is large
    assert choose([small_but_wrong]) is None


def test_one_that_barely_passes_is_chosen_only_where_no_other_does() -> None:
    barely, well = trial(0.05, size_bytes=50), trial(0.3)
    assert choose([barely, well]) is well
    assert choose([barely]) is barely


def test_then_size_then_speed_then_what_is_left_to_spare() -> None:
    assert choose([large := trial(0.9, size_bytes=110), small := trial(0.3)]) is small
    assert choose([slow := trial(0.9, speedup=2.0), fast := trial(0.3)]) is fast
    # Within a tenth times are equal, so the better picture wins.
    assert choose([trial(0.3, speedup=3.1), better := trial(0.4)]) is better
    assert large is not slow


def test_other_weights_are_chosen_only_where_no_fine_tuned_ones_pass() -> None:
    own = dataclasses.replace(trial(0.9, size_bytes=50), candidate=dataclasses.replace(PLAIN, fine_tuned=False))
    assert choose([own, tuned := trial(0.2)]) is tuned
    assert choose([own, trial(-0.2)]) is own


@pytest.mark.parametrize(
    ("metric", "threshold", "value", "left"),
    [
        ("mean_px", 0.15, 0.12, 0.2),
        ("p99_px", 0.5, 0.6, -0.2),
        ("psnr_db", 42.0, 48.0206, 0.5),
        ("residual_snr_db", 15.0, 15.0, 0.0),
        ("gain_kept", 0.9, 0.98, 0.8),
    ],
)
def test_what_a_figure_leaves_of_the_allowed_error(metric: str, threshold: float, value: float, left: float) -> None:
    figure = ParityFigure(case="camera", metric=metric, value=value, threshold=threshold, passed=left >= 0.0)
    assert spare(figure) == pytest.approx(left, abs=1e-5)


def test_a_failure_has_no_margin() -> None:
    assert margin(Trial(candidate=PLAIN, failure="broken")) == -float("inf")
    nothing = dataclasses.replace(trial(0.5).figures[0], value=float("nan"), margin=None, passed=False)
    assert margin(dataclasses.replace(trial(0.5), figures=(nothing,))) == -float("inf")


@pytest.mark.parametrize("graph", NETWORKS)
@pytest.mark.parametrize("format_", FORMATS)
def test_candidates_are_different_and_have_different_names(graph: str, format_: str) -> None:
    found = candidates(graph, format_)
    assert len({candidate.name for candidate in found}) == len(set(found)) == len(found)
    assert {candidate.fine_tuned for candidate in found} == {True, False}


def test_ranges_never_come_from_check_pictures() -> None:
    assert not set(CALIBRATION_PICTURES) & set(CHECK_PICTURES)


def test_times_are_taken_in_turns() -> None:
    order: list[str] = []
    times = paired_times_ms([lambda: order.append("a"), lambda: order.append("b")], rounds=3)
    assert times.shape == (3, 2)
    assert order[-6:] == ["a", "b"] * 3


def test_the_table_marks_the_choice_and_tells_of_failures() -> None:
    best, broken = trial(0.25), Trial(candidate=FAILING, failure="no such ranges")
    text = re.sub(" +", " ", table_of([[best, broken]], [best], "64x64", 5))
    assert "## defocus, onnx" in text
    assert "| **>** | fine-tuned, per channel, min-max | 0.250 | 3.00 (3.00 to 3.00) | 25% | mean_px" in text
    assert "| failed | no such ranges |" in text


def test_a_process_that_dies_is_one_failed_candidate_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Progress(2) as progress:
        trials = command.try_all([PLAIN, FAILING], tmp_path / "bundle", tmp_path, 1, progress)
    assert [trial.failure for trial in trials] == ["the process ended with code 1"] * 2


def test_a_small_search(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "candidates", lambda graph, format_: (FAILING, PLAIN))
    out, choice = tmp_path / "SEARCH.md", tmp_path / "choice.json"
    code = search.main(
        [
            *("--checkpoint", str(small_checkpoint), "--graphs", "defocus", "--formats", "onnx", "--size", "64x64"),
            *("--rounds", "3", "--out", str(out), "--choice", str(choice), "--json"),
        ]
    )
    text = out.read_text()
    assert "onnxruntime has no mse ranges" in text
    assert "fine-tuned, per channel, min-max | 0." in text
    found = json.loads(choice.read_text())["onnx"]
    assert (code == 0) == ("defocus" in found)
    document = json.loads(capsys.readouterr().out)
    assert document["trials"][0]["failure"].startswith("onnxruntime has no mse ranges")
    assert document["trials"][1]["candidate"]["format"] == "onnx"
    assert [choice is not None for choice in document["chosen"]] == [code == 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "256"], "--size: expected HEIGHTxWIDTH in pixels, for example 512x512, got '256'"),
        (["--size", "100x64"], "multiples of"),
        (["--graphs", "refocus"], "no graph 'refocus'"),
        (["--formats", "coreml"], "no format 'coreml'"),
        (["--rounds", "0"], "--rounds: expected a whole number of 1 or more, got '0'"),
        (["--out", "/nowhere/at/all.md"], "no folder /nowhere/at"),
    ],
)
def test_wrong_use_is_explained(
    arguments: list[str], message: str, small_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search.main(["--checkpoint", str(small_checkpoint), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
