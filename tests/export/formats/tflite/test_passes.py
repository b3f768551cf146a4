"""The rewriting passes: the file computes the same bit by bit, XNNPACK takes it in one piece, nothing idle is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from export.analysis.operators import histogram
from export.formats.table import coverage, read_graph
from export.formats.tflite.flatbuffer import BUFFER_ALIGNMENT, Editor, is_constant, pack_model, read_model, schema
from export.formats.tflite.float16 import ARITHMETIC, halve
from export.formats.tflite.layout import convert
from export.formats.tflite.operators import tflite_nodes
from export.formats.tflite.strip import slim
from export.formats.tflite.xnnpack_fixups import make_whole
from runtime.system.silence import silence

pytestmark = pytest.mark.slow

RAW = "raw"
PASSES: dict[str, tuple[Callable[[Any], None], ...]] = {
    RAW: (),
    "whole": (make_whole,),
    "slim": (make_whole, slim),
    "half": (make_whole, halve, slim),
}


class Awkward(nn.Module):
    """A clamp to [0, 1] and a concatenation of 17 pieces, between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.clamp(self.before(x), 0.0, 1.0)
        return self.after(torch.cat([x[:, :, :1]] * 8 + [x] + [x[:, :, -1:]] * 8, 2))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One graph as converted, and after each of ``PASSES``."""
    folder = tmp_path_factory.mktemp("passes")
    torch.manual_seed(0)
    with silence(), torch.no_grad():
        content = convert(Awkward().eval(), (torch.rand(1, 3, 8, 8),), 1)
    paths = {}
    for name, passes in PASSES.items():
        model = read_model(content)
        for rewrite in passes:
            rewrite(model)
        paths[name] = folder / f"{name}.tflite"
        paths[name].write_bytes(pack_model(model) if passes else content)
    return paths


def run(path: Path, picture: np.ndarray) -> np.ndarray:
    with silence():
        interpreter = Interpreter(str(path), num_threads=1)
        (result,) = interpreter.get_signature_runner()(args_0=picture).values()
    return np.array(result)


@pytest.fixture(scope="module")
def answers(files: dict[str, Path]) -> dict[str, np.ndarray]:
    picture = np.random.default_rng(0).random((1, 8, 8, 3), np.float32) * 4.0 - 2.0
    return {name: run(path, picture) for name, path in files.items()}


def test_the_converted_file_is_in_pieces(files: dict[str, Path]) -> None:
    assert coverage(read_graph(files[RAW]))[0].subgraphs > 1
    assert coverage(read_graph(files[RAW]))[0].outside == {"RELU_0_TO_1": 1, "CONCATENATION": 1}


@pytest.mark.parametrize("name", ["whole", "slim", "half"])
def test_the_rewritten_file_is_one(files: dict[str, Path], name: str) -> None:
    assert coverage(read_graph(files[name]))[0].failure == ""
    counts = histogram(tflite_nodes(files[name]))
    assert "RELU_0_TO_1" not in counts
    # Eight edges on each side: 5 joined on each, then 4 and 2, and the five that are left with the picture.
    assert (counts["CONCATENATION"], counts["RELU"], counts["MINIMUM"]) == (5, 1, 1)


def test_the_picture_is_joined_last(files: dict[str, Path]) -> None:
    rows = [node.shape[1] or 0 for node in tflite_nodes(files["whole"]) if node.op == "CONCATENATION"]
    assert rows[-1] == 8 + 16
    assert max(rows[:-1]) <= 8


@pytest.mark.parametrize("name", ["whole", "slim"])
def test_nothing_else_changes(answers: dict[str, np.ndarray], name: str) -> None:
    np.testing.assert_array_equal(answers[RAW], answers[name])
    assert np.ptp(answers[RAW]) > 0.1


def test_halves_change_little_but_something(answers: dict[str, np.ndarray]) -> None:
    error = np.abs(answers["half"] - answers[RAW]).max()
    assert 0.0 < error < 2e-3


def test_halves_are_half_the_size(files: dict[str, Path]) -> None:
    def weights(name: str) -> int:
        model = read_model(files[name].read_bytes())
        return sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None and len(buffer.data) >= 512)

    assert (weights("slim"), weights("half")) == (4 * (432 + 256), 2 * (432 + 256))
    assert histogram(tflite_nodes(files["half"]))["DEQUANTIZE"] == 4  # two weights, two biases


def test_leave_to_compute_in_fp16_is_in_the_file(files: dict[str, Path]) -> None:
    def notes(name: str) -> dict[bytes, bytes]:
        model = read_model(files[name].read_bytes())
        return {bytes(entry.name): bytes(model.buffers[entry.buffer].data) for entry in model.metadata}

    assert notes("half")[ARITHMETIC[0]] == b"fp16accfp16"
    assert list(notes("slim")) == [b"min_runtime_version"]


def test_a_weight_beyond_fp16_is_refused(files: dict[str, Path]) -> None:
    model = read_model(files["whole"].read_bytes())
    tensor = next(t for t in model.subgraphs[0].tensors if is_constant(model, t) and list(t.shape) == [16, 3, 3, 3])
    model.buffers[tensor.buffer].data = np.full(432, 7e4, np.float32).view(np.uint8)
    with pytest.raises(ValueError, match="a weight of 70000 does not fit into float16"):
        halve(model)


def test_slim_leaves_nothing_idle(files: dict[str, Path]) -> None:
    model = read_model(files["slim"].read_bytes())
    (graph,) = model.subgraphs
    assert {tensor.buffer for tensor in graph.tensors} | {e.buffer for e in model.metadata} == set(
        range(len(model.buffers))
    )
    assert {operator.opcodeIndex for operator in graph.operators} == set(range(len(model.operatorCodes)))
    names = [tensor.name.decode() for tensor in graph.tensors]
    assert names[0] == "args_0"
    assert "output_0" in names
    assert {name.split("_")[0] for name in names} == {
        "args",
        "output",
        "conv",
        "relu",
        "minimum",
        "slice",
        "concatenation",
    }
    assert max(map(len, names)) < 24
    assert len(set(names)) == len(names)


def test_slim_is_smaller_and_stays_so(files: dict[str, Path]) -> None:
    content = files["slim"].read_bytes()
    assert len(content) < 0.9 * len(files[RAW].read_bytes())
    model = read_model(content)
    slim(model)
    assert pack_model(model) == content


@pytest.mark.parametrize("name", ["whole", "slim", "half"])
def test_constants_are_aligned(files: dict[str, Path], name: str) -> None:
    """As the schema asks (force_align: 16), which the converter's Python side forgets."""
    model = schema().Model.GetRootAs(files[name].read_bytes(), 0)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    places = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert len(places) > 4
    assert {place % BUFFER_ALIGNMENT for place in places} == {0}


def test_a_file_without_trouble_keeps_its_operators(files: dict[str, Path], tmp_path: Path) -> None:
    model = read_model(files["whole"].read_bytes())
    make_whole(model)
    again = tmp_path / "again.tflite"
    again.write_bytes(pack_model(model))
    assert histogram(tflite_nodes(again)) == histogram(tflite_nodes(files["whole"]))


def test_a_constant_is_read_back(files: dict[str, Path]) -> None:
    model = read_model(files["whole"].read_bytes())
    index = Editor(model, model.subgraphs[0]).constant(np.array([[1.5, -2.0]], np.float32), schema().TensorType.FLOAT32)
    model = read_model(pack_model(model))
    tensor = model.subgraphs[0].tensors[index]
    assert list(tensor.shape) == [1, 2]
    assert bytes(model.buffers[tensor.buffer].data) == np.array([1.5, -2.0], "<f4").tobytes()
