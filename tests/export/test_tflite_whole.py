"""The rewritten file computes the same, bit by bit, and XNNPACK takes it in one piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from export import tflite
from export.coverage import coverage
from export.op_nodes import histogram, tflite_nodes
from export.tflite_whole import make_whole
from runtime.silence import silence


class Awkward(nn.Module):
    """A clamp to [0, 1] and a concatenation of 17 pieces, between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.clamp(self.before(x), 0.0, 1.0)
        return self.after(torch.cat([x[:, :, :1]] * 8 + [x] + [x[:, :, -1:]] * 8, 2))


def run(path: Path, picture: np.ndarray) -> np.ndarray:
    with silence():
        interpreter = Interpreter(str(path), num_threads=1)
        result: np.ndarray = interpreter.get_signature_runner(tflite.SIGNATURE)(x=picture)["y"]
    return result


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file as converted, and rewritten."""
    folder = tmp_path_factory.mktemp("whole")
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tflite, "make_whole", lambda content: content)
        tflite.write_tflite(Awkward().eval(), (torch.rand(1, 3, 8, 8),), ["x"], ["y"], folder / "raw.tflite")
    (folder / "whole.tflite").write_bytes(make_whole((folder / "raw.tflite").read_bytes()))
    return folder / "raw.tflite", folder / "whole.tflite"


def test_the_converted_file_is_in_pieces(pair: tuple[Path, Path]) -> None:
    assert coverage(pair[0])[0].subgraphs > 1
    assert coverage(pair[0])[0].outside == {"RELU_0_TO_1": 1, "CONCATENATION": 1}


def test_the_rewritten_file_is_one(pair: tuple[Path, Path]) -> None:
    assert coverage(pair[1])[0].failure == ""
    counts = histogram(tflite_nodes(pair[1]))
    assert "RELU_0_TO_1" not in counts
    # Eight edges on each side: 5 joined on each, then 4 and 2, and the five that are left with the picture.
    assert (counts["CONCATENATION"], counts["RELU"], counts["MINIMUM"]) == (5, 1, 1)


def test_the_picture_is_joined_last(pair: tuple[Path, Path]) -> None:
    rows = [node.shape[1] for node in tflite_nodes(pair[1]) if node.op == "CONCATENATION"]
    assert rows[-1] == 8 + 16
    assert max(rows[:-1]) <= 8


def test_nothing_else_changes(pair: tuple[Path, Path]) -> None:
    picture = np.random.default_rng(0).random((1, 8, 8, 3), np.float32) * 4.0 - 2.0
    raw, whole = (run(path, picture) for path in pair)
    np.testing.assert_array_equal(raw, whole)
    assert np.ptp(raw) > 0.1


def test_a_file_without_trouble_keeps_its_operators(pair: tuple[Path, Path], tmp_path: Path) -> None:
    again = tmp_path / "again.tflite"
    again.write_bytes(make_whole(pair[1].read_bytes()))
    assert histogram(tflite_nodes(again)) == histogram(tflite_nodes(pair[1]))
