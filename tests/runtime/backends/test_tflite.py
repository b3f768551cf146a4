"""Which interpreter runs a TFLite file, and with which kernels. The file is made by hand: y = relu(x)."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.backends import tflite
from runtime.manifest.manifest import Artifact

SHAPE = (1, 32, 32, 1)


@pytest.fixture(scope="module")
def relu_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sigma_px = relu(image), as the defocus graph of the tests, but for its channels."""
    model_io = pytest.importorskip("export.formats.tflite.flatbuffer", reason="not run: needs litert-torch")
    schema = model_io.schema()
    model, graph, signature = schema.ModelT(), schema.SubGraphT(), schema.SignatureDefT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    model.subgraphs, model.signatureDefs = [graph], [signature]
    graph.tensors = []
    editor = model_io.Editor(model, graph)
    like = schema.TensorT()
    like.type, like.hasRank = schema.TensorType.FLOAT32, True
    graph.tensors.append(like)
    graph.tensors[0].shape = np.array(SHAPE, np.int32)
    graph.tensors[0].name = b"x"
    out = editor.tensor_like(0, list(SHAPE))
    graph.operators = [editor.operator(schema.BuiltinOperator.RELU, [0], out)]
    graph.inputs, graph.outputs = np.array([0], np.int32), np.array([out], np.int32)
    signature.signatureKey, signature.inputs, signature.outputs = "serving_default", [], []
    for name, index, entries in (("image", 0, signature.inputs), ("sigma_px", out, signature.outputs)):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    path = tmp_path_factory.mktemp("relu") / "defocus_fp32.tflite"
    path.write_bytes(model_io.pack_model(model))
    return path


@pytest.fixture
def artifact(make_artifact: Callable[..., Artifact]) -> Artifact:
    """One channel in, one out."""
    artifact = make_artifact("defocus")
    image = artifact.inputs[0]
    object.__setattr__(image, "shape", SHAPE)
    return artifact


@pytest.mark.parametrize("kernels", tflite.KERNELS)
def test_every_kind_of_kernels_runs_a_file(relu_file: Path, artifact: Artifact, kernels: str) -> None:
    runner = tflite.open_graph(artifact, relu_file, 1, kernels=kernels)
    image = np.random.default_rng(0).normal(size=(1, 1, 32, 32)).astype(np.float32)
    np.testing.assert_array_equal(runner.run({"image": image})["sigma_px"], np.maximum(image, 0.0))


def test_kernels_are_those_that_were_asked_for(
    relu_file: Path, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tflite._interpreter_module()
    asked = []

    def interpreter(**options: object) -> object:
        asked.append(options["experimental_op_resolver_type"])
        return module.Interpreter(**options)

    fake = types.SimpleNamespace(Interpreter=interpreter, OpResolverType=module.OpResolverType)
    monkeypatch.setattr(tflite, "_interpreter_module", lambda: fake)
    tflite.open_graph(artifact, relu_file, 1)
    tflite.open_graph(artifact, relu_file, 1, kernels="reference")
    assert asked == [module.OpResolverType.AUTO, module.OpResolverType.BUILTIN_REF]


def test_unknown_kernels_are_refused(relu_file: Path, artifact: Artifact) -> None:
    with pytest.raises(ValueError, match="no TFLite kernels 'gpu': choose from xnnpack, optimised, reference"):
        tflite.open_graph(artifact, relu_file, 1, kernels="gpu")


def test_the_first_interpreter_there_is_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tflite.CHOICE, raising=False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)  # makes its import fail
    other = types.ModuleType("tflite_runtime.interpreter")
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", other)
    assert tflite._interpreter_module() is other


def test_the_environment_chooses_another(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.ModuleType("tflite_runtime.interpreter")
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", other)
    monkeypatch.setenv(tflite.CHOICE, "tflite-runtime")
    assert tflite._interpreter_module() is other
    assert tflite.interpreter_name().startswith("tflite-runtime")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("torch", "REBLUR_TFLITE is 'torch': choose from ai-edge-litert, tflite-runtime, tensorflow"),
        ("tflite-runtime", "asks for tflite-runtime, which is not installed: pip install tflite-runtime"),
    ],
)
def test_an_interpreter_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, wanted: str, sentence: str
) -> None:
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    monkeypatch.setenv(tflite.CHOICE, wanted)
    with pytest.raises(ValueError, match=sentence):
        tflite.interpreter_name()
