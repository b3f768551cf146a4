"""Answers of other kernels are held against golden vectors and against this machine's, by the same tolerances."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.emulation import arm64_root
from benchmarks.emulation.compare import _judged, emulated_device, read_answers
from runtime.manifest.golden_records import GoldenOutput, Tolerance
from runtime.system.errors import ReblurError

KEY = "deblur-tflite-int8", "astronaut"
TOLERANCES = (Tolerance(statistic="mean", at_most=0.05),)


@pytest.fixture
def golden(tmp_path: Path) -> GoldenOutput:
    """Zeros."""
    numbers = np.zeros((1, 1, 4, 4), np.float32)
    path = tmp_path / "sharp.f32"
    numbers.tofile(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return GoldenOutput(
        name="sharp", path=path.name, dtype="float32", stride_px=1, shape=numbers.shape, layout="NCHW", sha256=digest
    )


@pytest.mark.parametrize(("theirs", "ours", "passed"), [(0.01, 0.0, True), (0.1, 0.1, False), (0.04, -0.04, False)])
def test_both_comparisons_are_by_the_tolerance(
    theirs: float, ours: float, passed: bool, golden: GoldenOutput, tmp_path: Path
) -> None:
    answers = [{KEY: {"sharp": np.full((1, 1, 4, 4), value, np.float32)}} for value in (ours, theirs)]
    found = _judged(KEY, (golden,), TOLERANCES, tmp_path, *answers)
    values = {(p.against, p.statistic): p.value for p in found}
    assert values["golden", "max"] == pytest.approx(theirs)
    assert values["x86", "mean"] == pytest.approx(abs(theirs - ours))
    assert all(p.passed is not False for p in found) == passed


def test_an_answer_that_is_no_number_passes_nothing(golden: GoldenOutput, tmp_path: Path) -> None:
    answer = {KEY: {"sharp": np.full((1, 1, 4, 4), np.nan, np.float32)}}
    found = _judged(KEY, (golden,), TOLERANCES, tmp_path, {}, answer)
    assert [(p.value, p.passed) for p in found if p.statistic == "mean"] == [(None, False)]


def test_answers_are_read_by_id_and_case(tmp_path: Path) -> None:
    np.savez(tmp_path / "deblur-tflite-int8.synthetic-even.npz", sharp=np.ones(3))
    assert list(read_answers(tmp_path)) == [("deblur-tflite-int8", "synthetic-even")]


def test_an_emulated_device_is_named_so() -> None:
    assert emulated_device().kind == "emulated"


def test_python_runs_below_the_emulator(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "qemu-aarch64-static").write_text("")
    words = arm64_root.command(tmp_path, ["-m", "x"], Path("/ours"))
    assert words[0].endswith("qemu-aarch64-static")
    assert words[-3:] == [str(tmp_path / "sys" / "usr" / "bin" / "python3.11"), "-m", "x"]
    assert f"PYTHONPATH={tmp_path / 'site'}:/ours" in words


def test_without_debians_tools_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReblurError, match="emulated ARM needs apt-get, which Debian and Ubuntu have"):
        arm64_root.prepare(tmp_path / "root")
    assert not (tmp_path / "root").exists()
