from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import all as export_all
from export.formats.support import WriteRequest
from export.formats.table import runtimes_of, support_of
from export.formats.tflite.write import write_tflite
from export.recipes.jobs import JOINT_VARIANT
from export.recipes.recipe import RECIPES, pipelines
from export.recipes.targets import TARGETS
from export.verification import artifact as check
from runtime.backends import open_artifact
from runtime.manifest.files import check_files
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Size
from train.networks.defocus import DefocusNet

Run = Callable[..., int]


@pytest.fixture(scope="module")
def manifest(small_export: Path) -> Manifest:
    return Manifest.load(small_export)


def test_every_recipe_passed(manifest: Manifest) -> None:
    expected = [(r.id, "passed", "") for r in RECIPES if r.variant != JOINT_VARIANT]
    assert [(a.id, a.status, a.reason) for a in manifest.artifacts] == expected


def test_the_folder_holds_what_the_manifest_says_and_nothing_else(small_export: Path, manifest: Manifest) -> None:
    described = {file.path for artifact in manifest.artifacts for file in artifact.files}
    for case in manifest.golden:
        described |= {t.path for t in case.inputs} | {t.path for t in case.outputs} | {t.path for t in case.truth}
    assert manifest.golden_chain is not None
    described |= {tensor.path for tensor in manifest.golden_chain.tensors}
    found = {path.relative_to(small_export).as_posix() for path in small_export.rglob("*") if path.is_file()}
    assert found == described | {"manifest.json", "checks.json", "manifest.schema.json", "report.html"}
    for artifact in manifest.artifacts:
        check_files(artifact, small_export)
    assert_alone(small_export)


def test_the_manifest_names_source_sizes_and_tools(manifest: Manifest, small_checkpoint: Path) -> None:
    assert manifest.checkpoint.name == small_checkpoint.name
    assert (manifest.sizes, manifest.sigma_max_px) == ((Size(height_px=64, width_px=64),), 6.0)
    makers = {"coremltools", "litert-torch", "executorch", "torchao", "onnx", "onnxruntime"}
    assert {"python", "torch", *makers} <= set(manifest.tools)
    assert "not installed" not in manifest.tools.values()
    assert set(manifest.artifact("deblur-tflite-int8").tool) == {"litert-torch", "ai-edge-quantizer", "ai-edge-litert"}
    assert len(manifest.pipelines) == len(pipelines(RECIPES))
    assert manifest.pipeline("executorch").delegate == "xnnpack"


def test_every_file_was_run_by_everything_that_can(manifest: Manifest) -> None:
    for artifact in manifest.artifacts:
        ran = {figure.runtime for figure in artifact.parity}
        assert ran == {runtime.name for runtime in runtimes_of(artifact)}


def test_photographs_went_through_every_pipeline(manifest: Manifest) -> None:
    for pipeline in manifest.pipelines:
        assert pipeline.gates
        assert pipeline.parity
        assert all(figure.passed for figure in pipeline.parity)


@pytest.mark.parametrize(
    ("identifier", "tensors"),
    [
        ("deblur-coreml-fp16", ["image float16 NCHW 1x3x64x64 array", "sigma_px float16 NCHW 1x1x64x64 array"]),
        ("deblur-coreml-fp16-image", ["image uint8 NCHW 1x3x64x64 image", "sigma_px float16 NCHW 1x1x64x64 array"]),
        ("deblur-tflite-fp32", ["image float32 NHWC 1x64x64x3 array", "sigma_px float32 NHWC 1x64x64x1 array"]),
        ("deblur-executorch-fp32", ["image float32 NCHW 1x3x64x64 array", "sigma_px float32 NCHW 1x1x64x64 array"]),
        ("deblur-onnx-int8", ["image float32 NCHW 1x3x64x64 array", "sigma_px float32 NCHW 1x1x64x64 array"]),
        (
            "refocus-tflite-fp32",
            ["sharp float32 NHWC 1x64x64x3 array", "target_sigma_px float32 NHWC 1x64x64x1 array"],
        ),
    ],
)
def test_tensors_have_the_layout_and_type_of_their_file(
    manifest: Manifest, identifier: str, tensors: list[str]
) -> None:
    found = manifest.artifact(identifier).inputs
    assert [f"{t.name} {t.dtype} {t.layout} {'x'.join(map(str, t.shape))} {t.kind}" for t in found] == tensors


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
    arguments = ["--out", str(tmp_path / "a"), "--recipes", "defocus-tflite-fp32", "--size", "64x96"]
    assert run_all(*arguments, "--json") == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["written"] is True
    (row,) = facts["artifacts"]
    assert (row["id"], row["status"]) == ("defocus-tflite-fp32", "passed")
    assert row["checked_with"] == ["LiteRT XNNPACK", "LiteRT reference kernels"]
    assert "defocus-tflite-fp32" in printed.err
    manifest = Manifest.load(tmp_path / "a")
    assert manifest.artifacts[0].inputs[0].shape == (1, 64, 96, 3)
    assert (set(manifest.graphs), manifest.pipelines) == ({"defocus"}, ())
    assert {golden.graph for golden in manifest.golden} == {"defocus"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "512"], "--size must be HEIGHTxWIDTH in pixels"),
        (["--size", "512x500"], "the width must be a multiple of 16 and at least 64, got 500"),
        (["--size", "32x512"], "the height must be a multiple of 16 and at least 64, got 32"),
        (["--formats", "tflite,gguf"], "no format 'gguf': choose from coreml, tflite, executorch, onnx"),
        (["--graphs", "sharpen"], "no graph 'sharpen': choose from defocus, deblur, refocus, preview, fused"),
        (["--recipes", "tflite-int4"], "no recipe 'tflite-int4': --list shows them all"),
        (["--recipes", "coreml-fp16-sizes"], "made for several sizes only, for example --size 512x512,256x256"),
        (["--size", "64x64,64x64"], "--size: 64x64 is there twice"),
        (["--jobs", "-1"], "--jobs: expected a whole number of 0 to 1024, got '-1'"),
        (["--sign", "nowhere.pem"], "nowhere.pem"),
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


def replace_writer(monkeypatch: pytest.MonkeyPatch, target: str, write: Callable[[WriteRequest, Path], None]) -> None:
    """Let the files of a target be written by another function, in this process."""
    module = import_module(f"export.formats.{TARGETS[target].folder}.targets")
    monkeypatch.setitem(module.SUPPORT, target, dataclasses.replace(module.SUPPORT[target], write=write))


def test_one_failing_recipe_does_not_stop_the_others_and_leaves_the_earlier_export(
    run_all: Run,
    small_export: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(request: WriteRequest, path: Path) -> None:
        path.write_bytes(b"half a file")
        os.write(2, b"C++ had this to say\n")
        raise RuntimeError("the converter\nbroke")

    out = copy_of(small_export, tmp_path)
    replace_writer(monkeypatch, "coreml", broken)
    names = "defocus-coreml-fp16,defocus-tflite-fp32"
    code = run_all("--out", str(out), "--overwrite", "--recipes", names, "--json", lends=True)
    facts = json.loads(capsys.readouterr().out)
    rows = {row["id"]: row for row in facts["artifacts"]}
    assert code == 1
    assert rows["defocus-tflite-fp32"]["status"] == "passed"
    assert rows["defocus-coreml-fp16"]["reason"] == "RuntimeError: the converter"
    partial = tmp_path / "artifacts.partial"
    assert facts["out"] == str(partial)
    assert {p.name for p in partial.iterdir()} > {"defocus_fp32.tflite", "manifest.json", "report.html"}
    left_out = Manifest.load(partial).artifact("defocus-coreml-fp16")
    assert (left_out.status, left_out.files) == ("failed", ())
    assert not (partial / left_out.path).exists()
    log = partial / "logs" / "defocus-coreml-fp16.log"
    assert facts["logs"] == {"defocus-coreml-fp16": str(log)}
    assert [path.name for path in log.parent.iterdir()] == [log.name]
    text = log.read_text()
    assert "C++ had this to say\n" in text
    assert "RuntimeError: the converter\nbroke\n" in text
    assert "Traceback" in text
    shutil.rmtree(partial)
    assert_unchanged(out, small_export)
    monkeypatch.undo()
    assert run_all("--out", str(out), "--overwrite", "--recipes", names, lends=True) == 0
    assert_alone(out)
    assert not (out / "logs").exists()


def test_an_experimental_recipe_never_blocks_and_one_that_matters_stops_where_that_is_asked_for(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(request: WriteRequest, path: Path) -> None:
        raise RuntimeError("the converter broke")

    replace_writer(monkeypatch, "coreml", broken)
    out = tmp_path / "out"
    arguments = ("--out", str(out), "--graphs", "defocus", "--recipes", "coreml-w8a8,coreml-fp16,onnx-fp32")
    assert run_all(*arguments, "--exclude", "coreml-fp16", lends=True) == 0
    found = {artifact.id: artifact.status for artifact in Manifest.load(out).artifacts}
    assert found == {"defocus-coreml-w8a8": "failed", "defocus-onnx-fp32": "passed"}
    capsys.readouterr()
    assert run_all(*arguments, "--overwrite", "--no-keep-going", lends=True) == 2
    assert_one_sentence(capsys.readouterr().err, "defocus-coreml-fp16 failed (RuntimeError: the converter broke)")
    assert len(Manifest.load(out).artifacts) == 2
    assert_alone(out)


def test_a_file_that_misses_its_gate_fails_the_export(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def brighter(request: WriteRequest, path: Path) -> None:
        module = request.module
        assert isinstance(module, DefocusNet)
        monkeypatch.setattr(module, "sigma_max_px", 7.0)
        write_tflite(module, request.example_inputs, ["image"], ["sigma_px"], path)

    replace_writer(monkeypatch, "tflite", brighter)
    assert run_all("--out", str(tmp_path / "out"), "--recipes", "defocus-tflite-fp32", lends=True) == 1
    printed = capsys.readouterr().out
    log = tmp_path / "out.logs" / "defocus-tflite-fp32.log"
    assert "failed: mean_px is" in printed
    assert f"(log: {log})" in printed
    assert "nothing was written" in printed
    assert printed.endswith(f"nothing passed, so nothing was written; logs: {log.parent}\n")
    assert "defocus-tflite-fp32: failed mean_px is" in log.read_text()
    assert not (tmp_path / "out").exists()


def test_a_format_whose_converter_is_not_installed_is_not_run(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "tool_versions", lambda packages: dict.fromkeys(packages, "not installed"))
    out = tmp_path / "out"
    assert run_all("--out", str(out), "--recipes", "refocus-executorch-fp32", lends=True) == 0
    (artifact,) = Manifest.load(out).artifacts
    assert (artifact.status, artifact.files) == ("not run", ())
    assert artifact.reason == "executorch not installed: pip install 'reblur[export]'"
    assert "1 not run" in capsys.readouterr().out


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    run_all: Run,
    small_export: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(request: WriteRequest, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise RuntimeError("export failed") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = copy_of(small_export, tmp_path)
    replace_writer(monkeypatch, "tflite", full)
    assert run_all("--out", str(out), "--overwrite", "--formats", "tflite", lends=True) == 2
    assert_one_sentence(capsys.readouterr().err, "is full (No space left on device)")
    assert_unchanged(out, small_export)


def test_an_interrupt_that_a_converter_swallows_still_ends_the_export(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swallowing(request: WriteRequest, path: Path) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt as error:
            raise RuntimeError("an error of C++") from error

    replace_writer(monkeypatch, "tflite", swallowing)
    assert run_all("--out", str(tmp_path / "out"), "--formats", "tflite", lends=True) == 130
    assert capsys.readouterr().err.endswith("interrupted: nothing was written\n")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def traceless(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """An empty home and an empty place for temporary files, for the processes that a test starts; lists what is there.

    Not below pytest's own folder: the path of a socket there would be too long.
    """
    with tempfile.TemporaryDirectory(prefix="reblur-", dir="/tmp") as name:
        places = {"HOME": Path(name) / "home", "TMPDIR": Path(name) / "tmp"}
        for variable, place in places.items():
            place.mkdir()
            monkeypatch.setenv(variable, str(place))
        for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"):
            monkeypatch.delenv(variable, raising=False)
        yield lambda: sorted(str(path.relative_to(name)) for place in places.values() for path in place.rglob("*"))


@pytest.mark.parametrize("step", ["defocus-coreml-fp16", "defocus-tflite-int8"])
def test_ctrl_c_half_way_leaves_the_earlier_export_and_nothing_else(
    small_checkpoint: Path,
    small_export: Path,
    tmp_path: Path,
    step: str,
    lend_shared_inputs: Callable[[Path], None],
    traceless: Callable[[], list[str]],
) -> None:
    """A real process, interrupted inside a converter."""
    out = copy_of(small_export, tmp_path)
    lend_shared_inputs(out)
    command = [
        sys.executable,
        "-m",
        "export.all",
        "--checkpoint",
        str(small_checkpoint),
        "--size",
        "64x64",
        "--out",
        str(out),
        "--overwrite",
        "--recipes",
        step,
        "--no-controls",
    ]
    root = Path(export_all.__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if step in line:
                break
        deadline = time.monotonic() + 60.0
        while not any(tmp_path.glob(".artifacts.building.*")):
            assert time.monotonic() < deadline, "the export has not begun"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.endswith("interrupted: nothing was written\n")
    assert "Traceback" not in rest
    assert_unchanged(out, small_export)
    assert traceless() == []


def test_what_has_not_changed_is_not_made_again(
    run_all: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, names = tmp_path / "out", "defocus-onnx-fp32,deblur-onnx-fp32"
    arguments = ("--out", str(out), "--overwrite", "--json")
    made: list[str] = []
    write = support_of("onnx").write

    def counting(request: WriteRequest, path: Path) -> None:
        made.append(path.stem)
        write(request, path)

    def export(*more: str) -> dict[str, Any]:
        made.clear()
        assert run_all(*arguments, *more, lends=True) == 0
        return dict(json.loads(capsys.readouterr().out))

    replace_writer(monkeypatch, "onnx", counting)
    assert export("--recipes", "deblur-onnx-fp32")["unchanged"] is False
    assert made == ["deblur_fp32"]
    export("--recipes", names)
    assert made == ["defocus_fp32"]
    assert export("--recipes", names)["unchanged"] is True
    assert made == []
    before = (out / "deblur_fp32.onnx").read_bytes()
    (out / "deblur_fp32.onnx").write_bytes(before[:-1])
    assert export("--recipes", names)["unchanged"] is False
    assert (made, (out / "deblur_fp32.onnx").read_bytes()) == ([], before)
    (kept,) = tmp_path.glob(".out.cache/deblur-onnx-fp32-*/deblur_fp32.onnx")
    kept.write_bytes(before[:-1])
    (out / "manifest.json").unlink()
    shutil.rmtree(out)
    export("--recipes", names)
    assert (made, (out / "deblur_fp32.onnx").read_bytes()) == (["deblur_fp32"], before)
    export("--recipes", names, "--force")
    assert made == ["defocus_fp32", "deblur_fp32"]


def test_kill_9_leaves_nothing_that_looks_finished_and_no_trace(
    small_checkpoint: Path,
    small_export: Path,
    tmp_path: Path,
    lend_shared_inputs: Callable[[Path], None],
    traceless: Callable[[], list[str]],
) -> None:
    """Nor does the export after it, which succeeds, nor one that fails."""
    out = copy_of(small_export, tmp_path)
    lend_shared_inputs(out)
    command = [
        sys.executable,
        "-m",
        "export.all",
        "--checkpoint",
        str(small_checkpoint),
        "--size",
        "64x64",
        "--out",
        str(out),
        "--overwrite",
        "--recipes",
        "defocus-coreml-w8,defocus-onnx-int8",
        "--no-controls",
    ]
    root = Path(export_all.__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "defocus-onnx-int8" in line:
                break
        process.kill()
    deadline = time.monotonic() + 60.0
    while traceless():  # those that it started notice within a second or two
        assert time.monotonic() < deadline, traceless()
        time.sleep(0.1)
    assert {path.name for path in out.iterdir()} == {path.name for path in small_export.iterdir()}
    assert Manifest.load(out) == Manifest.load(small_export)
    again = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert [a.id for a in Manifest.load(out).artifacts] == ["defocus-coreml-w8", "defocus-onnx-int8"]
    assert_alone(out)
    assert traceless() == []
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(small_checkpoint.read_bytes()[:-4096])
    failed = subprocess.run(
        [broken if word == str(small_checkpoint) else word for word in command],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 2, failed.stderr
    assert traceless() == []


def test_several_sizes_have_files_of_their_own_and_share_a_package(run_all: Run, tmp_path: Path) -> None:
    names = "defocus-onnx-fp32,defocus-coreml-fp16,defocus-coreml-fp16-sizes"
    assert run_all("--out", str(tmp_path / "out"), "--size", "64x64,64x96", "--recipes", names, lends=True) == 0
    manifest = Manifest.load(tmp_path / "out")
    assert {a.id: (a.path, a.size_px, a.function, a.status) for a in manifest.artifacts} == {
        "defocus-coreml-fp16": ("defocus_fp16.mlpackage", (64, 64), None, "passed"),
        "defocus-coreml-fp16-sizes": ("defocus_fp16_sizes.mlpackage", (64, 64), "size_64x64", "passed"),
        "defocus-onnx-fp32": ("defocus_fp32.onnx", (64, 64), None, "passed"),
        "defocus-coreml-fp16-64x96": ("defocus_fp16_64x96.mlpackage", (64, 96), None, "passed"),
        "defocus-coreml-fp16-sizes-64x96": ("defocus_fp16_sizes.mlpackage", (64, 96), "size_64x96", "passed"),
        "defocus-onnx-fp32-64x96": ("defocus_fp32_64x96.onnx", (64, 96), None, "passed"),
    }
    assert {(case.height_px, case.width_px) for case in manifest.golden} == {(64, 64), (64, 96)}


def test_the_list_of_recipes_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert export_all.main(["--list", "--recipes", "*-int8", "--checkpoint", "nowhere"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [r.id for r in RECIPES if r.precision == "int8"]


@pytest.mark.slow
def test_the_shipped_networks_pass_their_gates_at_full_size(tmp_path: Path) -> None:
    """int8 depends on what the weights are, which the small networks cannot show."""
    assert export_all.main(["--out", str(tmp_path / "out"), "--recipes", "de*-tflite-int8", "--no-controls"]) == 0


def copy_of(export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(export, tmp_path / "artifacts"))


def assert_unchanged(out: Path, original: Path, *, logs: bool = False) -> None:
    """``out`` is a copy of ``original`` still, and alone in its folder but for logs."""
    assert_alone(out, logs=logs)
    files = sorted(path.relative_to(original) for path in original.rglob("*") if path.is_file())
    assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == files
    assert all((out / file).read_bytes() == (original / file).read_bytes() for file in files)


def assert_alone(out: Path, *, logs: bool = False) -> None:
    """Nothing lies beside ``out`` but what the next export can use, and logs where something failed."""
    known = {out.name, f".{out.name}.cache", *([f"{out.name}.logs"] if logs else [])}
    assert {path.name for path in out.parent.iterdir()} <= known
    assert not list(out.parent.glob(".*.cache/*.building"))
    assert not list(out.parent.glob(".*.cache/*.log"))


def assert_one_sentence(err: str, sentence: str) -> None:
    """The last line is the error; before it stands nothing but progress and what is said at the start."""
    *progress, last = err.splitlines()
    assert last.startswith("error: ")
    assert sentence in last
    assert all(line.startswith(("[", "note: ", "the float model ")) for line in progress)
