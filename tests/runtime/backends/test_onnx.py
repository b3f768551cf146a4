"""The onnx back end against a real file: a tiny graph, written on the spot."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.backends import onnx as backend
from runtime.backends import open_artifact
from runtime.manifest.files import list_files
from runtime.manifest.manifest import Artifact

CHANNEL_GAINS = (1.0, 0.5, 0.25)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deblur_fp32.onnx: image times a gain per channel, minus sigma_px / 12; 32 x 32."""
    onnx = pytest.importorskip("onnx", reason="not run: needs onnx")
    pytest.importorskip("onnxruntime", reason="not run: needs onnxruntime")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    gains, twelve = np.array(CHANNEL_GAINS, np.float32).reshape(1, 3, 1, 1), np.array(12.0, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["image", "gains"], ["scaled"]),
            helper.make_node("Div", ["sigma_px", "twelve"], ["blur"]),
            helper.make_node("Sub", ["scaled", "blur"], ["sharp"]),
        ],
        "tiny",
        [
            helper.make_tensor_value_info("image", real, [1, 3, 32, 32]),
            helper.make_tensor_value_info("sigma_px", real, [1, 1, 32, 32]),
        ],
        [helper.make_tensor_value_info("sharp", real, [1, 3, 32, 32])],
        [onnx.numpy_helper.from_array(gains, "gains"), onnx.numpy_helper.from_array(twelve, "twelve")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    made = tmp_path_factory.mktemp("tiny")
    onnx.save(model, made / "deblur_fp32.onnx")
    return made


@pytest.fixture
def artifact(folder: Path, make_artifact: Callable[..., Artifact]) -> Artifact:
    return make_artifact("deblur", "onnx", "onnx", folder)


def test_a_real_file_gives_the_right_numbers(folder: Path, artifact: Artifact) -> None:
    runner = open_artifact(artifact, folder)
    for _ in range(2):  # the second call must not see the tensors of the first
        image = RNG.random((1, 3, 32, 32), dtype=np.float32)
        sigma_px = RNG.random((1, 1, 32, 32), dtype=np.float32) * np.float32(6.0)
        results = runner.run({"sigma_px": sigma_px, "image": image})
        expected = image * np.array(CHANNEL_GAINS, np.float32)[None, :, None, None] - sigma_px / 12.0
        assert list(results) == ["sharp"]
        assert results["sharp"].dtype == np.float32
        np.testing.assert_allclose(results["sharp"], expected, atol=1e-6)


def test_results_are_not_overwritten_by_the_next_call(folder: Path, artifact: Artifact) -> None:
    runner = open_artifact(artifact, folder)
    zero = np.zeros((1, 1, 32, 32), np.float32)
    first = runner.run({"image": np.ones((1, 3, 32, 32), np.float32), "sigma_px": zero})["sharp"]
    runner.run({"image": np.zeros((1, 3, 32, 32), np.float32), "sigma_px": zero})
    assert first[0, 0, 0, 0] == 1.0


def test_inputs_are_checked(folder: Path, artifact: Artifact) -> None:
    runner = open_artifact(artifact, folder, num_threads=1)
    image, sigma_px = np.zeros((1, 3, 32, 32), np.float32), np.zeros((1, 1, 32, 32), np.float32)
    with pytest.raises(ValueError, match="deblur-onnx-fp32 takes image, sigma_px, got image"):
        runner.run({"image": image})
    with pytest.raises(ValueError, match=r"sigma_px as NCHW \[1, 1, 32, 32\], got \[1, 1, 16, 16\]"):
        runner.run({"image": image, "sigma_px": sigma_px[..., ::2, ::2]})


def test_a_file_with_other_tensors_is_refused(folder: Path, make_artifact: Callable[..., Artifact]) -> None:
    other = make_artifact("defocus", "onnx", "onnx")
    other = dataclasses.replace(other, path="deblur_fp32.onnx", files=list_files(folder, "deblur_fp32.onnx"))
    with pytest.raises(ValueError, match="should have the tensors image, its file has image, sigma_px"):
        open_artifact(other, folder)


@pytest.mark.parametrize("data", [b"", b"garbage" * 100])
def test_a_broken_file_is_refused(tmp_path: Path, make_artifact: Callable[..., Artifact], data: bytes) -> None:
    pytest.importorskip("onnxruntime", reason="not run: needs onnxruntime")
    (tmp_path / "deblur_fp32.onnx").write_bytes(data)
    with pytest.raises(ValueError, match=r"onnxruntime cannot load .*deblur_fp32\.onnx: \S"):
        open_artifact(make_artifact("deblur", "onnx", "onnx", tmp_path), tmp_path)


def test_without_onnxruntime_the_package_is_named(
    tmp_path: Path, make_artifact: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # makes its import fail
    with pytest.raises(ValueError, match=r"needs onnxruntime: pip install 'reblur\[runtime-onnx\]'"):
        backend.open_graph(make_artifact("deblur", "onnx", "onnx"), tmp_path, None)
