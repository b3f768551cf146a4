"""Weights overwritten anywhere, digests made to match: ``export.controls --overwrite``, on a small export."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export import controls
from export.faults.file_faults import BLOCK_BYTES
from export.faults.overwritten import overwrite, spans
from runtime.manifest.manifest import Manifest

ONE_OF_EACH = (
    "deblur_fp16.mlpackage",
    "deblur_p6.mlpackage",
    "deblur_fp32.tflite",
    "deblur_int8.tflite",
    "deblur_fp32.onnx",
    "deblur_int8.onnx",
    "deblur_fp32.pte",
    "deblur_int8.pte",
    "deblur_coreml_fp16.pte",
    "deblur_vulkan_fp16.pte",
)


def copied(path: Path, folder: Path) -> Path:
    return Path(shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copy(path, folder))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_weights_are_found_in_every_format_and_a_block_of_them_is_overwritten(
    small_export: Path, tmp_path: Path, name: str
) -> None:
    path = copied(small_export / name, tmp_path)
    files = [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    before = {file: np.frombuffer(file.read_bytes(), np.uint8) for file in files}
    weights = sum(stop - start for start, stop in spans(path))
    assert 0.2 < weights / max(content.size for content in before.values()) <= 1.0
    assert f" in {BLOCK_BYTES} of {weights} bytes of weights" in overwrite(path, np.random.default_rng(1))
    after = {file: np.frombuffer(file.read_bytes(), np.uint8) for file in files}
    assert [after[file].size for file in files] == [before[file].size for file in files]
    changed = [int((after[file] != before[file]).sum()) for file in files]
    assert 0 < sum(changed) <= BLOCK_BYTES
    assert sum(count > 0 for count in changed) == 1


def test_what_has_no_weights_is_refused(small_export: Path, tmp_path: Path) -> None:
    path = copied(small_export / "deblur_fp32.onnx", tmp_path)
    import onnx

    model = onnx.load(path)
    model.graph.ClearField("initializer")
    onnx.save(model, path)
    with pytest.raises(ValueError, match="has no weights that could be overwritten"):
        overwrite(path, np.random.default_rng(1))


@pytest.mark.slow
def test_every_file_is_refused(small_export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Some of them; the command tries all, and as often as is wanted."""
    assert controls.main(["--overwrite", str(small_export), "--count", "20", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    made = {artifact.id for artifact in Manifest.load(small_export).artifacts}
    assert len({row["artifact"] for row in rows} & made) == 20
    assert all(row["refused"] and row["by"] for row in rows)


def test_no_export_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert controls.main(["--overwrite", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: no manifest.json in ")
