"""The self-test with interpreters that answer from a table; ``tests/export`` runs it on real files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from runtime import backends, selftest
from runtime.backends.base import FloatArray
from runtime.backends.tflite import interpreter_name
from runtime.manifest.records import Artifact

RIGHT = np.repeat(np.repeat(0.5 * np.arange(9, dtype=np.float32).reshape(3, 3), 15, 0), 15, 1)[None, None, :32, :32]
"""(1, 1, 32, 32) with the golden numbers at every 15th pixel."""


class Answers:
    """Answers the same, whatever it is asked."""

    def __init__(self, artifact: Artifact, value: FloatArray) -> None:
        self.artifact = artifact
        self.value = value

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        assert {name: value.shape for name, value in inputs.items()} == {"image": (1, 3, 32, 32)}
        return {"sigma_px": self.value}


def answer(monkeypatch: pytest.MonkeyPatch, value: FloatArray) -> None:
    monkeypatch.setitem(backends.OPENERS, "tflite", lambda artifact, *_: Answers(artifact, value))


def test_one_line_for_each_file(
    manifest_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, RIGHT)
    assert selftest.main([str(manifest_dir)]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"interpreter: {interpreter_name()}"
    assert lines == [
        "defocus-tflite-fp32: passed on 1 cases",
        "deblur-tflite-fp32: failed: there is no golden case for deblur",
        "refocus-tflite-fp32: failed: there is no golden case for refocus",
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (RIGHT + np.float32(0.01), "on noise, mean error 0.01 > 0.001"),
        (np.full_like(RIGHT, np.nan), "on noise, mean error nan > 0.001"),
        (RIGHT[..., :16], "sigma_px should have [1, 1, 3, 3] sampled pixels, got [1, 1, 3, 2]"),
    ],
)
def test_wrong_answers_fail(
    manifest_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: FloatArray,
    reason: str,
) -> None:
    answer(monkeypatch, value)
    assert selftest.main([str(manifest_dir)]) == 1
    assert capsys.readouterr().out.splitlines()[1] == f"defocus-tflite-fp32: failed: {reason}"


def test_an_altered_file_fails_before_it_is_loaded(
    manifest_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setitem(backends.OPENERS, "tflite", never)
    (manifest_dir / "defocus_fp32.tflite").write_bytes(b"altered")
    assert selftest.main([str(manifest_dir)]) == 1
    first = capsys.readouterr().out.splitlines()[1]
    assert first.startswith("defocus-tflite-fp32: failed: ")
    assert first.endswith("is not the file that the manifest describes: run `make export` again")


def test_a_crashing_interpreter_is_one_line(
    manifest_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("no such op\nat line 3")

    monkeypatch.setitem(backends.OPENERS, "tflite", crash)
    assert selftest.main([str(manifest_dir)]) == 1
    assert capsys.readouterr().out.splitlines()[1] == "defocus-tflite-fp32: failed: RuntimeError: no such op"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--backend", "gguf"], "no back end 'gguf': choose from tflite, executorch, coreml, onnx"),
        (["--backend", "coreml"], "no files for coreml: there are tflite fp32"),
        (["--precision", "int8"], "no files for tflite int8: there are tflite fp32"),
    ],
)
def test_wrong_use_is_one_sentence(
    manifest_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert selftest.main([str(manifest_dir), *arguments]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_no_export_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selftest.main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("error: no folder ")


def test_json_is_one_document(
    manifest_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, RIGHT)
    assert selftest.main([str(manifest_dir), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["backend"], document["interpreter"]) == ("tflite", interpreter_name())
    assert document["artifacts"][0] == {"id": "defocus-tflite-fp32", "status": "passed", "reason": "", "cases": 1}
    assert [row["status"] for row in document["artifacts"]] == ["passed", "failed", "failed"]
