"""Back ends against real files: tiny graphs, converted on the spot."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime import backends
from runtime.backends import mlpackage, open_artifact, pte, tflite
from runtime.manifest.files import list_files
from runtime.manifest.manifest import Artifact

RNG = np.random.default_rng(0)
CHANNEL_GAINS = (1.0, 0.5, 0.25)


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deblur_fp32.tflite and deblur_fp32.pte: image times a gain per channel, minus sigma_px / 12."""
    import torch

    litert_torch = pytest.importorskip("litert_torch", reason="not run: needs litert-torch")
    exir = pytest.importorskip("executorch.exir", reason="not run: needs executorch")

    class Tiny(torch.nn.Module):
        gains: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("gains", torch.tensor(CHANNEL_GAINS).view(1, 3, 1, 1))

        def forward(self, image: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
            return image * self.gains - sigma_px / 12.0

    folder = tmp_path_factory.mktemp("tiny")
    tiny = Tiny().eval()
    inputs = (torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32))
    channel_last = litert_torch.to_channel_last_io(tiny, args=[0, 1], outputs=[0]).eval()
    nhwc = tuple(x.permute(0, 2, 3, 1).contiguous() for x in inputs)
    litert_torch.convert(channel_last, nhwc).export(str(folder / "deblur_fp32.tflite"))
    program = exir.to_edge_transform_and_lower(torch.export.export(tiny, inputs)).to_executorch()
    (folder / "deblur_fp32.pte").write_bytes(program.buffer)
    return folder


FORMATS = [("tflite", "tflite"), ("executorch", "pte")]


@pytest.mark.parametrize(("format_", "extension"), FORMATS)
def test_a_real_file_gives_the_right_numbers(
    tiny_files: Path, make_artifact: Callable[..., Artifact], format_: str, extension: str
) -> None:
    artifact = make_artifact("deblur", format_, extension, tiny_files)
    runner = open_artifact(artifact, tiny_files)
    assert runner.artifact.size_px == (32, 32)
    for _ in range(2):  # the second call must not see, or change, the tensors of the first
        image = RNG.random((1, 3, 32, 32), dtype=np.float32)
        sigma = RNG.random((1, 1, 32, 32), dtype=np.float32) * np.float32(6.0)
        results = runner.run({"sigma_px": sigma, "image": image})
        expected = image * np.array(CHANNEL_GAINS, np.float32)[None, :, None, None] - sigma / 12.0
        assert list(results) == ["sharp"]
        assert results["sharp"].shape == (1, 3, 32, 32)
        np.testing.assert_allclose(results["sharp"], expected, atol=1e-6)


@pytest.mark.parametrize(("format_", "extension"), FORMATS)
def test_results_are_not_overwritten_by_the_next_call(
    tiny_files: Path, make_artifact: Callable[..., Artifact], format_: str, extension: str
) -> None:
    runner = open_artifact(make_artifact("deblur", format_, extension, tiny_files), tiny_files)
    zero = np.zeros((1, 1, 32, 32), np.float32)
    first = runner.run({"image": np.ones((1, 3, 32, 32), np.float32), "sigma_px": zero})["sharp"]
    runner.run({"image": np.zeros((1, 3, 32, 32), np.float32), "sigma_px": zero})
    assert first[0, 0, 0, 0] == 1.0


def test_inputs_are_checked(tiny_files: Path, make_artifact: Callable[..., Artifact]) -> None:
    runner = open_artifact(make_artifact("deblur", "tflite", "tflite", tiny_files), tiny_files, num_threads=1)
    image, sigma = np.zeros((1, 3, 32, 32), np.float32), np.zeros((1, 1, 32, 32), np.float32)
    with pytest.raises(ValueError, match="deblur-tflite-fp32 takes image, sigma_px, got image"):
        runner.run({"image": image})
    with pytest.raises(ValueError, match=r"sigma_px as NHWC \[1, 32, 32, 1\], got \[1, 16, 16, 1\]"):
        runner.run({"image": image, "sigma_px": sigma[..., ::2, ::2]})


def test_a_file_with_other_tensors_is_refused(tiny_files: Path, make_artifact: Callable[..., Artifact]) -> None:
    artifact = make_artifact("defocus", "tflite", "tflite")
    artifact = dataclasses.replace(
        artifact, path="deblur_fp32.tflite", files=list_files(tiny_files, "deblur_fp32.tflite")
    )
    with pytest.raises(ValueError, match=r"should have the tensors image, its file has args_0, args_1"):
        open_artifact(artifact, tiny_files)


SUFFIXES = {"tflite": "tflite", "executorch": "pte", "coreml": "mlpackage", "onnx": "onnx"}


def never(*_: object) -> None:
    raise AssertionError("loaded")


@pytest.mark.parametrize("format_", backends.OPENERS)
@pytest.mark.parametrize("alter", ["change", "lengthen", "remove", "add"])
def test_an_altered_file_is_refused_before_it_is_loaded(
    tmp_path: Path, make_artifact: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch, format_: str, alter: str
) -> None:
    path = tmp_path / f"deblur_fp32.{SUFFIXES[format_]}"
    file = path / "weight.bin" if format_ == "coreml" else path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"as exported")
    artifact = make_artifact("deblur", format_, SUFFIXES[format_], tmp_path)
    monkeypatch.setitem(backends.OPENERS, format_, never)
    with pytest.raises(AssertionError, match="loaded"):
        open_artifact(artifact, tmp_path)
    sentence = "is not the file that the manifest describes"
    if alter == "change":
        file.write_bytes(b"As exported")
    elif alter == "lengthen":
        file.write_bytes(b"as exported\0")
    elif alter == "remove":
        file.unlink()
        sentence = "is missing, though the manifest lists it"
    elif format_ == "coreml":
        (path / "model.mlmodel").write_bytes(b"")
        sentence = "is not in the manifest"
    else:
        artifact = dataclasses.replace(artifact, files=())
        sentence = "has no file"
    with pytest.raises(ValueError, match=sentence):
        open_artifact(artifact, tmp_path)


def test_an_artefact_that_failed_its_checks_is_refused(tmp_path: Path, make_artifact: Callable[..., Artifact]) -> None:
    (tmp_path / "deblur_fp32.tflite").write_bytes(b"x")
    artifact = make_artifact("deblur", "tflite", "tflite", tmp_path)
    failed = dataclasses.replace(artifact, status="failed", reason="31 dB on noise")
    with pytest.raises(ValueError, match=r"failed its checks \(31 dB on noise\)"):
        open_artifact(failed, tmp_path)


@pytest.mark.parametrize(
    ("format_", "extension", "package", "sentence"),
    [
        ("tflite", "tflite", "ai_edge_litert.interpreter", "the TFLite interpreter cannot load"),
        ("executorch", "pte", "executorch.runtime", "ExecuTorch cannot load"),
    ],
)
@pytest.mark.parametrize("data", [b"", b"garbage" * 100])
def test_a_broken_file_is_refused(
    tmp_path: Path,
    make_artifact: Callable[..., Artifact],
    format_: str,
    extension: str,
    package: str,
    sentence: str,
    data: bytes,
) -> None:
    pytest.importorskip(package, reason=f"not run: needs {package}")
    (tmp_path / f"deblur_fp32.{extension}").write_bytes(data)
    with pytest.raises(ValueError, match=sentence):
        open_artifact(make_artifact("deblur", format_, extension, tmp_path), tmp_path)


def test_signature_keys_are_sorted_by_number(make_artifact: Callable[..., Artifact]) -> None:
    tensor = make_artifact("defocus").inputs[0]
    tensors = tuple(dataclasses.replace(tensor, name=f"t{k}") for k in range(11))
    keys = sorted(f"args_{k}" for k in range(11))  # args_0, args_1, args_10, args_2, ...
    assert tflite.keys_in_order(keys, tensors, "id") == [f"args_{k}" for k in range(11)]
    named = sorted(tensor.name for tensor in tensors)
    assert tflite.keys_in_order(named, tensors, "id") == [f"t{k}" for k in range(11)]


def test_missing_packages_are_named(
    tmp_path: Path, make_artifact: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (*tflite.INTERPRETERS.values(), "executorch.runtime", "coremltools"):
        monkeypatch.setitem(sys.modules, module, None)  # makes its import fail
    with pytest.raises(ValueError, match=r"needs ai-edge-litert: pip install 'reblur\[runtime\]'"):
        tflite.open_graph(make_artifact("deblur"), tmp_path, None)
    with pytest.raises(ValueError, match=r"needs executorch: pip install 'reblur\[export\]'"):
        pte.open_graph(make_artifact("deblur", "executorch", "pte"), tmp_path, None)
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ValueError, match=r"needs coremltools: pip install 'reblur\[export\]'"):
        mlpackage.open_graph(make_artifact("deblur", "coreml", "mlpackage"), tmp_path, None)


@pytest.mark.skipif(sys.platform == "darwin", reason="not run: Core ML runs here")
def test_core_ml_is_refused_elsewhere(tmp_path: Path, make_artifact: Callable[..., Artifact]) -> None:
    (tmp_path / "deblur_fp32.mlpackage").mkdir()
    (tmp_path / "deblur_fp32.mlpackage" / "Manifest.json").write_text("{}")
    artifact = make_artifact("deblur", "coreml", "mlpackage", tmp_path)
    with pytest.raises(ValueError, match="the coreml back end runs on macOS only, this is linux: use tflite"):
        open_artifact(artifact, tmp_path)


def test_programs_of_executorch_share_as_many_threads_as_were_asked_for(
    tiny_files: Path, make_artifact: Callable[..., Artifact]
) -> None:
    lib = pytest.importorskip("executorch.extension.pybindings._portable_lib", reason="not run: needs executorch")
    artifact = make_artifact("deblur", "executorch", "pte", tiny_files)
    for count in (2, 1):
        open_artifact(artifact, tiny_files, num_threads=count)
        assert lib._threadpool_get_thread_count() == count
