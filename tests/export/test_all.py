from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export import all as export_all
from export import build, check
from export.recipes import RECIPES, Recipe
from runtime.backends import open_artifact
from runtime.manifest import Manifest, check_files

Run = Callable[..., int]


@pytest.fixture(scope="module")
def manifest(small_export: Path) -> Manifest:
    return Manifest.load(small_export)


def test_every_recipe_passed(manifest: Manifest) -> None:
    assert [(a.id, a.status, a.reason) for a in manifest.artifacts] == [(r.id, "passed", "") for r in RECIPES]


def test_the_folder_holds_what_the_manifest_says_and_nothing_else(small_export: Path, manifest: Manifest) -> None:
    described = {file.path for artifact in manifest.artifacts for file in artifact.files}
    described |= {tensor.path for case in manifest.golden for tensor in (*case.inputs, *case.outputs)}
    found = {path.relative_to(small_export).as_posix() for path in small_export.rglob("*") if path.is_file()}
    assert found == described | {"manifest.json", "manifest.schema.json", "report.html"}
    for artifact in manifest.artifacts:
        check_files(artifact, small_export)
    assert [path.name for path in small_export.parent.iterdir()] == [small_export.name]


def test_the_manifest_names_source_sizes_and_tools(manifest: Manifest, small_checkpoint: Path) -> None:
    assert manifest.checkpoint.name == small_checkpoint.name
    assert (manifest.height_px, manifest.width_px, manifest.sigma_max_px) == (64, 64, 6.0)
    makers = {"coremltools", "litert-torch", "executorch", "torchao", "onnx", "onnxruntime"}
    assert {"python", "torch", *makers} <= set(manifest.tools)
    assert "not installed" not in manifest.tools.values()
    assert set(manifest.artifact("deblur-tflite-int8").tool) == {"litert-torch", "ai-edge-quantizer", "ai-edge-litert"}
    assert len(manifest.pipelines) == 7


def test_tensors_have_the_layout_and_type_of_their_format(manifest: Manifest) -> None:
    seen = {
        a.format: [(t.name, t.dtype, t.layout, t.shape) for t in a.inputs]
        for a in manifest.artifacts
        if a.graph == "deblur"
    }
    assert seen == {
        "coreml": [("image", "float16", "NCHW", (1, 3, 64, 64)), ("sigma_px", "float16", "NCHW", (1, 1, 64, 64))],
        "tflite": [("image", "float32", "NHWC", (1, 64, 64, 3)), ("sigma_px", "float32", "NHWC", (1, 64, 64, 1))],
        "executorch": [("image", "float32", "NCHW", (1, 3, 64, 64)), ("sigma_px", "float32", "NCHW", (1, 1, 64, 64))],
        "onnx": [("image", "float32", "NCHW", (1, 3, 64, 64)), ("sigma_px", "float32", "NCHW", (1, 1, 64, 64))],
    }


@pytest.mark.parametrize("identifier", ["deblur-tflite-fp32", "deblur-executorch-fp32", "deblur-onnx-fp32"])
def test_the_runtime_opens_the_files(small_export: Path, manifest: Manifest, identifier: str) -> None:
    golden = next(g for g in manifest.golden if (g.graph, g.case) == ("deblur", "astronaut"))
    tensors = {
        t.name: np.fromfile(small_export / t.path, "u1").reshape(t.shape).astype(np.float32) / np.float32(t.divisor)
        for t in golden.inputs
    }
    (expected,) = golden.outputs
    result = open_artifact(manifest.artifact(identifier), small_export).run(tensors)
    reference = np.fromfile(small_export / expected.path, "<f4").reshape(expected.shape)
    np.testing.assert_allclose(result["sharp"], reference, atol=1e-5)


def test_json_goes_to_stdout_and_progress_to_stderr(
    run_all: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--out", str(tmp_path / "a"), "--formats", "tflite", "--graphs", "refocus", "--size", "64x96"]
    assert run_all(*arguments, "--json") == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["written"] is True
    (row,) = facts["artifacts"]
    assert (row["id"], row["status"], row["checked_with"]) == ("refocus-tflite-fp32", "passed", ["ai-edge-litert"])
    assert "refocus tflite fp32: convert" in printed.err
    manifest = Manifest.load(tmp_path / "a")
    assert manifest.artifacts[0].inputs[0].shape == (1, 64, 96, 3)
    assert (set(manifest.graphs), manifest.pipelines) == ({"refocus"}, ())
    assert {golden.graph for golden in manifest.golden} == {"refocus"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "512"], "--size must be HEIGHTxWIDTH in pixels"),
        (["--size", "512x500"], "the width must be a multiple of 16 and at least 64, got 500"),
        (["--size", "32x512"], "the height must be a multiple of 16 and at least 64, got 32"),
        (["--formats", "tflite,gguf"], "no format 'gguf': choose from coreml, tflite, executorch, onnx"),
        (["--graphs", "sharpen"], "no graph 'sharpen': choose from defocus, deblur, refocus"),
        (["--checkpoint", "nowhere.safetensors"], "no checkpoint at nowhere.safetensors"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_all: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert run_all("--out", str(tmp_path / "out"), *arguments) == 2
    assert_one_sentence(capsys.readouterr().err, sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_is_none_is_one_sentence(
    run_all: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text.safetensors"
    path.write_text("not a checkpoint")
    assert run_all("--out", str(tmp_path / "out"), "--checkpoint", str(path)) == 2
    assert_one_sentence(capsys.readouterr().err, "is not a readable safetensors file")


def test_a_folder_of_other_things_is_left_alone(
    run_all: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    assert run_all("--out", str(tmp_path), "--overwrite") == 2
    assert_one_sentence(capsys.readouterr().err, "holds files that no export wrote")
    assert (tmp_path / "photo.jpg").read_bytes() == b"precious"


def test_a_folder_that_cannot_be_made_is_one_sentence(
    run_all: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run_all("--out", str(tmp_path / "file" / "out")) == 2
    assert_one_sentence(capsys.readouterr().err, "cannot write to")


def test_one_failing_recipe_does_not_stop_the_others_and_leaves_the_earlier_export(
    run_all: Run, small_export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def broken(recipe: Recipe, workshop: build.Workshop, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise RuntimeError("the converter\nbroke")

    out = copy_of(small_export, tmp_path)
    monkeypatch.setitem(build.WRITERS, "coreml", broken)
    code = run_all("--out", str(out), "--overwrite", "--formats", "coreml,tflite", "--graphs", "refocus", "--json")
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["artifacts"]}
    assert code == 1
    assert rows["refocus-tflite-fp32"]["status"] == "passed"
    assert rows["refocus-coreml-fp16"]["reason"] == "RuntimeError: the converter"
    assert_unchanged(out, small_export)


def test_a_file_that_misses_its_gate_fails_the_export(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from export.tflite import write_tflite
    from train.networks.defocus import DefocusNet

    def brighter(recipe: Recipe, workshop: build.Workshop, path: Path) -> None:
        module, (image,) = workshop.specs["defocus"].module, build.examples(recipe, workshop)
        assert isinstance(module, DefocusNet)
        monkeypatch.setattr(module, "sigma_max_px", 7.0)
        write_tflite(module, (image,), ["image"], ["sigma_px"], path)

    monkeypatch.setitem(build.WRITERS, "tflite", brighter)
    monkeypatch.setattr(export_all, "select", lambda *_: (RECIPES[3],))
    assert run_all("--out", str(tmp_path / "out")) == 1
    printed = capsys.readouterr().out
    assert "failed: mean_px is" in printed
    assert "nothing was written" in printed
    assert list(tmp_path.iterdir()) == []


def test_a_format_whose_converter_is_not_installed_is_not_run(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "tool_versions", lambda packages: dict.fromkeys(packages, "not installed"))
    out = tmp_path / "out"
    assert run_all("--out", str(out), "--formats", "executorch", "--graphs", "refocus") == 0
    (artifact,) = Manifest.load(out).artifacts
    assert (artifact.status, artifact.files) == ("not run", ())
    assert artifact.reason == "executorch not installed: pip install 'reblur[export]'"
    assert "1 not run" in capsys.readouterr().out


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    run_all: Run, small_export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def full(recipe: Recipe, workshop: build.Workshop, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise RuntimeError("export failed") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = copy_of(small_export, tmp_path)
    monkeypatch.setitem(build.WRITERS, "tflite", full)
    assert run_all("--out", str(out), "--overwrite", "--formats", "tflite") == 2
    assert_one_sentence(capsys.readouterr().err, "is full (No space left on device)")
    assert_unchanged(out, small_export)


def test_an_interrupt_that_a_converter_swallows_still_ends_the_export(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swallowing(recipe: Recipe, workshop: build.Workshop, path: Path) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt as error:
            raise RuntimeError("an error of C++") from error

    monkeypatch.setitem(build.WRITERS, "tflite", swallowing)
    assert run_all("--out", str(tmp_path / "out"), "--formats", "tflite") == 130
    assert capsys.readouterr().err.endswith("interrupted: nothing was written\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["defocus coreml fp16: convert", "defocus tflite int8: quantise and convert"])
def test_ctrl_c_half_way_leaves_the_earlier_export_and_nothing_else(
    small_checkpoint: Path, small_export: Path, tmp_path: Path, step: str
) -> None:
    """A real process, interrupted inside a converter."""
    out = copy_of(small_export, tmp_path)
    command = [
        sys.executable, "-m", "export.all", "--checkpoint", str(small_checkpoint), "--size", "64x64",
        "--out", str(out), "--overwrite", "--formats", step.split()[1], "--graphs", "defocus",
    ]  # fmt: skip
    root = Path(export_all.__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if step in line:
                break
        time.sleep(0.5)
        assert any(path.name.startswith(".artifacts.building.") for path in tmp_path.iterdir())
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.endswith("interrupted: nothing was written\n")
    assert "Traceback" not in rest
    assert_unchanged(out, small_export)


@pytest.mark.slow
def test_the_shipped_networks_pass_their_gates_at_full_size(tmp_path: Path) -> None:
    """int8 depends on what the weights are, which the small networks cannot show."""
    assert export_all.main(["--out", str(tmp_path / "out"), "--formats", "tflite"]) == 0


def copy_of(export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(export, tmp_path / "artifacts"))


def assert_unchanged(out: Path, original: Path) -> None:
    """``out`` is a copy of ``original`` still, and alone in its folder."""
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    files = sorted(path.relative_to(original) for path in original.rglob("*") if path.is_file())
    assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == files
    assert all((out / file).read_bytes() == (original / file).read_bytes() for file in files)


def assert_one_sentence(err: str, sentence: str) -> None:
    """The last line is the error; before it stands nothing but progress."""
    *progress, last = err.splitlines()
    assert last.startswith("error: ")
    assert sentence in last
    assert all(line.startswith("[") for line in progress)
