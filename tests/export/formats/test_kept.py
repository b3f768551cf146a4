"""A float graph is converted once for all precisions, and never taken for another one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from export.formats.kept import kept
from export.formats.onnx.write import write_onnx
from export.formats.tflite.write import write_tflite
from export.graphs.specs import GraphSpec, example_inputs


def network(seed: int = 0, width: int = 2) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU()).eval()


def test_the_same_graph_is_converted_once_and_another_one_anew(tmp_path: Path) -> None:
    done: list[int] = []

    def ask(module: nn.Module, side: int = 8, kind: str = "onnx", folder: Path | None = tmp_path) -> bytes:
        def convert() -> bytes:
            done.append(len(done))
            return bytes([len(done)])

        return kept(folder, kind, module, [torch.zeros(1, 3, side, side)], convert)

    assert ask(network()) == ask(network()) == b"\x01"
    others = [network(1), network(0, 3), nn.Sequential(network(), nn.ReLU())]
    assert [ask(module) for module in others] == [b"\x02", b"\x03", b"\x04"]
    assert (ask(network(), side=16), ask(network(), kind="tflite")) == (b"\x05", b"\x06")
    assert (ask(network(), folder=None), ask(network(), folder=None)) == (b"\x07", b"\x08")
    assert ask(network()) == b"\x01"


@pytest.mark.slow
@pytest.mark.parametrize(("write", "precision"), [(write_tflite, "fp16"), (write_onnx, "int8")])
def test_a_file_from_what_was_kept_has_the_same_bytes(
    write: object, precision: str, small_specs: dict[str, GraphSpec], tmp_path: Path
) -> None:
    spec = small_specs["defocus"]
    inputs = example_inputs(spec, 64, 64)
    arguments = (spec.module, inputs, ["image"], ["sigma_px"])
    options = {"precision": precision, "calibration": [inputs] if precision == "int8" else None}
    write(*arguments, tmp_path / "alone", **options)  # type: ignore[operator]
    write(*arguments, tmp_path / "first", conversions=tmp_path / "kept")  # type: ignore[operator]
    (one,) = (tmp_path / "kept").iterdir()
    made = one.stat().st_mtime_ns
    write(*arguments, tmp_path / "second", conversions=tmp_path / "kept", **options)  # type: ignore[operator]
    assert one.stat().st_mtime_ns == made
    assert [one] == list((tmp_path / "kept").iterdir())
    assert (tmp_path / "second").read_bytes() == (tmp_path / "alone").read_bytes()
