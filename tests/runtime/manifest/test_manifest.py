from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.manifest.files import check_files, list_files
from runtime.manifest.manifest import Manifest
from runtime.system.files import sha256_of


def change(directory: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """Edit the manifest's JSON in place."""
    path = directory / "manifest.json"
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    return directory


def test_round_trip(manifest_dir: Path) -> None:
    before = (manifest_dir / "manifest.json").read_bytes()
    manifest = Manifest.load(manifest_dir)
    (manifest_dir / "again").mkdir()
    manifest.write(manifest_dir / "again")
    assert Manifest.load(manifest_dir / "again") == manifest
    assert (manifest_dir / "again" / "manifest.json").read_bytes() == before


def test_the_file_is_the_agreed_json(manifest_dir: Path) -> None:
    value = json.loads((manifest_dir / "manifest.json").read_text())
    assert list(value) == [
        "schema_version",
        "schema_minor",
        "reblur_version",
        "created",
        "license",
        "checkpoint",
        "sizes",
        "sigma_max_px",
        "resize",
        "tiling",
        "conventions",
        "graphs",
        "artifacts",
        "pipelines",
        "recommended",
        "golden",
        "tools",
        "checks",
    ]
    assert value["graphs"]["defocus"]["outputs"] == [
        {
            "name": "sigma_px",
            "channels": 1,
            "channel_order": None,
            "color_space": None,
            "unit": "px",
            "range": [0.0, 6.0],
            "meaning": "blur",
        }
    ]
    artifact = value["artifacts"][1]
    assert artifact["id"] == "deblur-tflite-fp32"
    assert [tensor["name"] for tensor in artifact["inputs"]] == ["image", "sigma_px"]
    assert artifact["inputs"][0] == {
        "name": "image",
        "dtype": "float32",
        "layout": "NHWC",
        "shape": [1, 32, 32, 3],
        "kind": "array",
        "divisor": 1.0,
    }
    assert not {"parity", "gates", "coverage", "lint", "key"} & artifact.keys()
    checks = json.loads((manifest_dir / "checks.json").read_text())
    assert list(checks) == ["artifacts", "pipelines", "matrix", "controls", "achieved"]
    assert checks["artifacts"]["deblur-tflite-fp32"]["parity"][0]["value"] == 61.25


def test_an_application_needs_no_checks(manifest_dir: Path) -> None:
    (manifest_dir / "checks.json").unlink()
    assert Manifest.load(manifest_dir, with_checks=False).artifacts[0].parity == ()
    with pytest.raises(ValueError, match=r"checks\.json is missing, or not the file that the manifest describes"):
        Manifest.load(manifest_dir)


def test_checks_of_another_export_are_refused(manifest_dir: Path) -> None:
    (manifest_dir / "checks.json").write_text("{}")
    with pytest.raises(ValueError, match="not the file that the manifest describes"):
        Manifest.load(manifest_dir)


def test_look_ups(manifest_dir: Path) -> None:
    manifest = Manifest.load(manifest_dir)
    pipeline = manifest.pipeline("tflite", "fp32")
    assert manifest.artifact(pipeline.deblur).graph == "deblur"
    with pytest.raises(ValueError, match="no pipeline for tflite int8: there are tflite fp32"):
        manifest.pipeline("tflite", "int8")
    with pytest.raises(ValueError, match="no artefact 'x': there are defocus-tflite-fp32, "):
        manifest.artifact("x")


def test_equal_answers_are_said_in_a_word(manifest_dir: Path) -> None:
    manifest = Manifest.load(manifest_dir)
    first = manifest.artifacts[0]
    perfect = dataclasses.replace(first.parity[0], value=None, answer="equal")
    artifacts = (dataclasses.replace(first, parity=(perfect,)), *manifest.artifacts[1:])
    dataclasses.replace(manifest, artifacts=artifacts).write(manifest_dir)
    text = (manifest_dir / "checks.json").read_text()
    assert "Infinity" not in text
    written = json.loads(text)["artifacts"][first.id]["parity"][0]
    assert "value" not in written
    assert written["answer"] == "equal"
    assert Manifest.load(manifest_dir).artifacts[0].parity[0] == perfect


def test_no_folder_and_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder .*: run `make export` first"):
        Manifest.load(tmp_path / "artifacts")
    with pytest.raises(ValueError, match=r"no manifest\.json in .*: run `make export` first"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b""])
def test_not_json(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"cannot read .*manifest\.json"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema_version": 1}'])
def test_another_schema_version(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"schema version (None|1), expected 5"):
        Manifest.load(tmp_path)


MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing key": (lambda m: m.pop("license"), r"manifest\.json lacks license$"),
    "nested": (
        lambda m: m["artifacts"][1]["inputs"][0].pop("layout"),
        r"artifacts\[1\]\.inputs\[0\] lacks layout",
    ),
    "type": (lambda m: m["sizes"][0].update(height_px="32"), r"height_px: expected a whole number, got '32'"),
    "no number": (lambda m: m.update(sigma_max_px=float("nan")), r"NaN is no number of JSON"),
    "endless": (lambda m: m.update(sigma_max_px=float("inf")), r"Infinity is no number of JSON"),
    "negative": (lambda m: m.update(sigma_max_px=-1.0), r"sigma_max_px must be above 0, got -1"),
    "halo": (lambda m: m["graphs"]["deblur"].update(halo_px=-1), r"the halo of deblur must be 0 or more, got -1"),
    "divisor": (
        lambda m: m["artifacts"][0]["inputs"][0].update(divisor=0),
        r"the divisor of defocus-tflite-fp32 image must be above 0, got 0",
    ),
    "huge": (
        lambda m: m["artifacts"][0]["inputs"][0].update(shape=[1, 10**9, 10**9, 3]),
        r"the sides of defocus-tflite-fp32 image must be 1 to 65536, got \[1, 1000000000",
    ),
    "bool": (lambda m: m["sizes"][0].update(height_px=True), r"height_px: expected a whole number, got True"),
    "float": (lambda m: m.update(sigma_max_px=None), r"sigma_max_px: expected a number, got None"),
    "literal": (
        lambda m: m["artifacts"][0].update(format="gguf"),
        r"artifacts\[0\]\.format: expected one of 'coreml', 'tflite', 'executorch', 'onnx', got 'gguf'",
    ),
    "range": (
        lambda m: m["graphs"]["defocus"]["inputs"][0].update(range=[0]),
        r"graphs\.defocus\.inputs\[0\]\.range: expected 2 entries",
    ),
    "list": (lambda m: m.update(artifacts={}), r"artifacts: expected a list"),
    "object": (lambda m: m.update(graphs=[]), r"graphs: expected an object"),
    "graph": (
        lambda m: m["artifacts"][0].update(graph="x"),
        r"of graph 'x': there are defocus, deblur, refocus",
    ),
    "tensor": (
        lambda m: m["artifacts"][0]["inputs"][0].update(name="x"),
        r"defocus-tflite-fp32 has tensors x, its graph has image",
    ),
    "shape": (
        lambda m: m["artifacts"][0]["inputs"][0].update(shape=[1, 3, 32, 32]),
        r"image must be NHWC with 3 channels, got shape \[1, 3, 32, 32\]",
    ),
    "twice": (
        lambda m: m["artifacts"].append(m["artifacts"][0]),
        r"unique, got defocus-tflite-fp32 more than once",
    ),
    "pipeline": (lambda m: m["pipelines"][0].update(deblur="x"), r"no artefact 'x'"),
    "outside": (
        lambda m: m["artifacts"][0].update(path="../x"),
        r"stay in the manifest's folder, got '\.\./x'",
    ),
    "golden": (
        lambda m: m["golden"][0]["inputs"][0].update(path="/etc/x"),
        r"stay in the manifest's folder, got '/etc/x'",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_wrong_is_named(manifest_dir: Path, case: str) -> None:
    edit, sentence = MALFORMED[case]
    with pytest.raises(ValueError, match=sentence):
        Manifest.load(change(manifest_dir, edit))


def test_files_are_checked_by_digest(manifest_dir: Path) -> None:
    manifest = Manifest.load(manifest_dir)
    artifact = manifest.artifacts[0]
    check_files(artifact, manifest_dir)
    (manifest_dir / artifact.path).write_bytes(b"defocuz")
    with pytest.raises(ValueError, match=r"defocus_fp32\.tflite is not the file that the manifest describes"):
        check_files(artifact, manifest_dir)
    (manifest_dir / artifact.path).unlink()
    with pytest.raises(ValueError, match=r"defocus_fp32\.tflite is missing"):
        check_files(artifact, manifest_dir)
    unmade = dataclasses.replace(artifact, files=(), status="not run", reason="needs macOS")
    with pytest.raises(ValueError, match=r"has no file \(not run: needs macOS\)"):
        check_files(unmade, manifest_dir)


def test_a_folder_lists_and_checks_each_file(manifest_dir: Path) -> None:
    package = manifest_dir / "a.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_text("{}")
    (package / "Data" / "weight.bin").write_bytes(b"abc")
    files = list_files(manifest_dir, "a.mlpackage")
    assert [(file.path, file.bytes) for file in files] == [
        ("a.mlpackage/Data/weight.bin", 3),
        ("a.mlpackage/Manifest.json", 2),
    ]
    # SHA-256 of "abc": the first test vector of FIPS 180-4.
    assert files[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(package / "Data" / "weight.bin") == files[0].sha256
    artifact = dataclasses.replace(Manifest.load(manifest_dir).artifacts[0], path="a.mlpackage", files=files)
    check_files(artifact, manifest_dir)
    (package / "stray").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.mlpackage/stray is not in the manifest"):
        check_files(artifact, manifest_dir)
