"""The command on files of other people: damaged, cut short, empty, or of another kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export import lint
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact

DAMAGES = (
    *("empty", "first bytes", "a tenth", "half", "last byte missing", "zeros", "text", "noise"),
    *("noise anywhere", "noise at the end"),
)
KINDS = ("tflite-fp32", "onnx-fp32", "coreml-fp16", "executorch-fp32")
OTHER_DELEGATES = ("executorch-coreml-fp16", "executorch-vulkan-fp16")
TRIED = [(kind, how) for kind in KINDS for how in DAMAGES]
TRIED += [(kind, how) for kind in OTHER_DELEGATES for how in DAMAGES if how.startswith("noise")]
"""The other damages end before a delegate's data is looked at."""


def damaged(content: bytes, how: str) -> bytes:
    if how.startswith("noise"):
        numbers = np.frombuffer(content, np.uint8).copy()
        rng = np.random.default_rng(0)
        among = {"noise": slice(0, 4096), "noise at the end": slice(-4096, None)}.get(how, slice(None))
        part = numbers[among]
        part[rng.integers(0, part.size, 64)] = rng.integers(0, 256, 64, dtype=np.uint8)
        return numbers.tobytes()
    kept = {"first bytes": 8, "a tenth": len(content) // 10, "half": len(content) // 2, "last byte missing": -1}
    return {"empty": b"", "zeros": bytes(len(content)), "text": b"hello\n" * 100}.get(how, content[: kept.get(how, 0)])


def artifact_of(small_export: Path, kind: str) -> Artifact:
    return Manifest.load(small_export).artifact(f"deblur-{kind}")


@pytest.mark.parametrize("kind", [*KINDS, *OTHER_DELEGATES])
def test_what_is_whole_is_read(small_export: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_export / artifact_of(small_export, kind).path
    assert lint.main([str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["path"] == str(path)


@pytest.mark.parametrize(("kind", "how"), TRIED)
def test_what_is_damaged_is_one_sentence(
    small_export: Path, tmp_path: Path, kind: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights may be wrong without being seen here; nothing may end otherwise than by a code and a sentence."""
    artifact = artifact_of(small_export, kind)
    for file in artifact.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(small_export / file.path, tmp_path / file.path)
    for file in artifact.files:
        content = (tmp_path / file.path).read_bytes()
        (tmp_path / file.path).write_bytes(damaged(content, how))
        code = lint.main([str(tmp_path / artifact.path)])
        printed = capsys.readouterr()
        assert code in (0, 2)
        assert sum(line.startswith("error: ") for line in printed.err.splitlines()) == (1 if code else 0)
        assert "Traceback" not in printed.err
        is_program = not file.path.endswith((".bin", "Manifest.json"))
        assert code == 2 or not is_program or how.startswith("noise") or how == "last byte missing"
        (tmp_path / file.path).write_bytes(content)


@pytest.mark.parametrize("name", ["model.gguf", "model", "model.tflite"])
def test_what_is_no_model_file_is_one_sentence(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main([str(tmp_path / name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
