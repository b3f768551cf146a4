"""``export.verify`` on artefacts broken on purpose. Each must fail, by its digest and by its figures alone.

Which faults the figures can tell is tried in ``test_controls.py``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from export import verify
from runtime import selftest
from runtime.manifest.files import list_files
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES

IGNORE = "--ignore-digests"


@pytest.fixture
def copy(small_export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_export, tmp_path / "artifacts"))


def keep_only(folder: Path, identifier: str, *, reseal: bool = False) -> None:
    """Leave one artefact in the manifest, so that the check is quick; ``reseal`` describes its files anew."""
    manifest = Manifest.load(folder)
    artifact = manifest.artifact(identifier)
    if reseal:
        artifact = dataclasses.replace(artifact, files=list_files(folder, artifact.path))
    dataclasses.replace(manifest, artifacts=(artifact,), pipelines=(), recommended=()).write(folder)


def outcome(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    """Exit code and reason of the only artefact."""
    code = verify.main([str(folder), "--json", *flags])
    (row,) = json.loads(capsys.readouterr().out)["artifacts"]
    return code, row["reason"]


def test_an_untouched_export_passes(small_export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(small_export)]) == 0
    printed = capsys.readouterr()
    assert f"{len(Manifest.load(small_export).artifacts)} passed in" in printed.out
    assert "refocus-executorch-fp32: check" in printed.err


@pytest.mark.parametrize("backend", ["tflite", "executorch", "onnx"])
def test_the_runtime_tests_itself_on_an_untouched_export(
    small_export: Path, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    assert selftest.main([str(small_export), "--backend", backend]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("interpreter: ")]
    manifest = Manifest.load(small_export)
    made = [a for a in manifest.artifacts if a.format == backend and a.delegate in CPU_DELEGATES]
    assert lines == [f"{a.id}: passed on {len(manifest.golden_of(a))} cases" for a in made]
    assert len(made) >= 7


@pytest.mark.parametrize("name", ["deblur_fp32", "deblur_int8", "defocus_int8"])
def test_a_weight_tensor_zeroed_in_place_fails(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """The file keeps its size and its structure."""
    path = copy / f"{name}.tflite"
    content = path.read_bytes()
    weights = largest_buffer(content)
    assert content.count(weights) == 1
    path.write_bytes(content.replace(weights, bytes(len(weights))))
    graph, precision = name.split("_")
    keep_only(copy, f"{graph}-tflite-{precision}")
    assert outcome(copy, capsys)[0] == 1
    code, reason = outcome(copy, capsys, IGNORE)
    # Where eight bits have room the gate may hold, and the figure noted at the export does not.
    assert code == 1
    assert re.search(r"its gate is|it was [\d.]+ when the file was exported", reason)


@pytest.mark.parametrize(
    "identifier", ["deblur-tflite-int8", "deblur-executorch-int8", "deblur-onnx-int8", "deblur-coreml-fp16"]
)
@pytest.mark.parametrize("flags", [(), (IGNORE,)], ids=["digests", "no digests"])
def test_half_a_file_fails(
    copy: Path, capsys: pytest.CaptureFixture[str], identifier: str, flags: tuple[str, ...]
) -> None:
    file = max(Manifest.load(copy).artifact(identifier).files, key=lambda file: file.bytes)
    content = (copy / file.path).read_bytes()
    (copy / file.path).write_bytes(content[: len(content) // 2])
    keep_only(copy, identifier)
    assert outcome(copy, capsys, *flags)[0] == 1


@pytest.mark.parametrize("flags", [(), (IGNORE,)], ids=["digests", "no digests"])
def test_a_missing_file_fails(copy: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]) -> None:
    (copy / "deblur_int8.pte").unlink()
    keep_only(copy, "deblur-executorch-int8")
    code, reason = outcome(copy, capsys, *flags)
    assert (code, "is missing" in reason) == (1, True)


def test_the_file_of_another_graph_fails(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(copy / "defocus_fp32.tflite", copy / "deblur_fp32.tflite")
    keep_only(copy, "deblur-tflite-fp32", reseal=True)
    code, reason = outcome(copy, capsys)
    assert (code, "should have the tensors image, sigma_px" in reason) == (1, True)


def test_a_wrong_digest_fails_unless_digests_are_ignored(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep_only(copy, "refocus-tflite-fp32")
    text = (copy / "manifest.json").read_text()
    digest = Manifest.load(copy).artifacts[0].files[0].sha256
    (copy / "manifest.json").write_text(text.replace(digest, "0" * 64))
    assert outcome(copy, capsys)[0] == 1
    assert outcome(copy, capsys, IGNORE) == (0, "")


def test_a_changed_golden_vector_fails_what_it_belongs_to(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep_only(copy, "refocus-tflite-fp32")
    path = copy / "golden" / "refocus.subject.refocused.f32"
    path.write_bytes(bytes(path.stat().st_size))
    code, reason = outcome(copy, capsys)
    assert (code, "refocus.subject.refocused.f32 is not the file" in reason) == (1, True)


def test_an_artefact_without_golden_cases_does_not_pass(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep_only(copy, "refocus-tflite-fp32")
    dataclasses.replace(Manifest.load(copy), golden=()).write(copy)
    code, reason = outcome(copy, capsys)
    assert (code, reason) == (1, "there is no golden case for refocus")


@pytest.mark.parametrize("content", [None, "{", '{"schema_version": 99}'])
def test_no_valid_manifest_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    assert verify.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def largest_buffer(model: bytes) -> bytes:
    from ai_edge_litert import schema_py_generated

    content = schema_py_generated.ModelT.InitFromPackedBuf(model, 0)
    return max((bytes(b.data) for b in content.buffers if b.data is not None), key=len)
