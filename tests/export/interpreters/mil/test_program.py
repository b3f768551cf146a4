"""Loading, running and refusing: fp16 rounding, overflow, unknown ops and damaged packages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.interpreters.mil import MilProgram

Save = Callable[..., Path]


class Scale(nn.Module):
    """One convolution, large enough for its weights to go to the weight file."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@pytest.fixture(scope="module")
def pristine(save_mil: Save, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from export.formats.mlpackage.write import write_mlpackage

    path = tmp_path_factory.mktemp("pristine") / "scale.mlpackage"
    torch.manual_seed(0)
    write_mlpackage(Scale().eval(), (torch.rand(1, 4, 16, 16),), ["x"], ["y"], path)
    return path


@pytest.fixture
def package(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


def test_declares_its_tensors(pristine: Path) -> None:
    program = MilProgram.load(pristine)
    (x,), (y,) = program.inputs, program.outputs
    assert (x.name, x.dtype, x.shape) == ("x", "FLOAT16", (1, 4, 16, 16))
    assert (y.name, y.dtype, y.shape) == ("y", "FLOAT16", (1, 8, 16, 16))
    assert program.op_counts == {"conv": 1}


def test_fp16_rounds_after_each_op_and_fp32_does_not(save_mil: Save) -> None:
    # 2048 + 1 is 2049 in fp32; fp16 has only 2048 and 2050 there and takes the even one, so the 1 is lost.
    def body(mb: Any, x: Any) -> Any:
        return mb.sub(x=mb.add(x=x, y=np.float16(2048.0)), y=np.float16(2048.0), name="y")

    program = MilProgram.load(save_mil(body, (2,), "fp16"))
    x = np.array([1.0, 2.0], np.float32)
    assert program.run({"x": x}, "fp32")["y"].tolist() == [1.0, 2.0]
    result = program.run({"x": x}, "fp16")["y"]
    assert result.tolist() == [0.0, 2.0]
    assert result.dtype == np.float32


def test_inputs_are_rounded_to_fp16_too(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.identity(x=x, name="y"), (1,), "fp16"))
    third = np.array([1 / 3], np.float32)
    assert program.run({"x": third}, "fp16")["y"] == np.float32(np.float16(third))
    assert program.run({"x": third}, "fp32")["y"] == third
    assert program.op_counts == {"identity": 1}


def test_an_overflow_names_the_first_op(save_mil: Save) -> None:
    def body(mb: Any, x: Any) -> Any:
        harmless = mb.add(x=x, y=np.float16(1.0), name="harmless")
        culprit = mb.mul(x=harmless, y=np.float16(256.0), name="culprit")
        return mb.sub(x=culprit, y=culprit, name="victim")

    program = MilProgram.load(save_mil(body, (4,), "fp16"))
    x = np.array([0.0, 1.0, 255.0, 511.0], np.float32)
    report = program.trace({"x": x})
    (overflow,) = report.overflows
    assert (overflow.op_type, overflow.output, overflow.count, overflow.total) == ("mul", "culprit", 2, 4)
    assert overflow.largest == 512.0 * 256.0
    assert np.isnan(report.outputs["victim"]).tolist() == [False, False, True, True]
    with pytest.raises(ValueError, match=r"mul 'culprit': 2 of 4 values became inf or NaN \(up to 1\.311e\+05"):
        program.run({"x": x})
    assert program.run({"x": x}, "fp32")["victim"].tolist() == [0.0] * 4


def test_a_run_forgets_what_is_no_longer_read(save_mil: Save) -> None:
    def body(mb: Any, x: Any) -> Any:
        first = mb.relu(x=x, name="first")
        second = mb.exp(x=first, name="second")
        return mb.add(x=first, y=second, name="y")

    releases = [step.releases for step in MilProgram.load(save_mil(body, (1,))).graph.steps]
    assert releases == [("x",), (), ("first", "second")]


def test_a_division_by_zero_is_reported_in_fp32_as_well(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.real_div(x=np.float32(1.0), y=x, name="y"), (2,)))
    with pytest.raises(ValueError, match=r"real_div 'y': 1 of 2 values became inf or NaN \(by the op itself"):
        program.run({"x": np.array([0.0, 1.0], np.float32)}, "fp32")


def test_an_input_beyond_fp16_is_named(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.relu(x=x, name="y"), (1,), "fp16"))
    assert str(program.trace({"x": np.array([1e5])}).overflows[0]).startswith("input 'x': 1 of 1 values")


def test_an_unknown_op_is_named_with_its_output(save_mil: Save) -> None:
    path = save_mil(lambda mb, x: mb.atan(x=x, name="angle"), (1,))
    with pytest.raises(
        ValueError, match=r"program.mlpackage: op 'atan' \(output 'angle'\) is not supported; supported: abs, add"
    ):
        MilProgram.load(path)


@pytest.mark.parametrize(
    ("inputs", "precision", "message"),
    [
        ({}, "fp16", r"takes the inputs \['x'\], but \[\] were given"),
        ({"x": np.zeros((1, 4, 16, 16)), "z": np.zeros(1)}, "fp16", r"but \['x', 'z'\] were given"),
        ({"x": np.zeros((1, 4, 16, 8))}, "fp16", r"shape \(1, 4, 16, 16\), but has \(1, 4, 16, 8\)"),
        ({"x": np.zeros((1, 4, 16, 16))}, "int8", "precision 'int8' is not known; known are fp16, fp32"),
    ],
)
def test_wrong_calls_are_refused(pristine: Path, inputs: dict[str, np.ndarray], precision: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MilProgram.load(pristine).run(inputs, precision)


def weights(package: Path) -> Path:
    return package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"


def protobuf(package: Path) -> Path:
    return package / "Data" / "com.apple.CoreML" / "model.mlmodel"


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def rename_root(package: Path) -> None:
    manifest = json.loads((package / "Manifest.json").read_text())
    manifest["rootModelIdentifier"] = "nobody"
    (package / "Manifest.json").write_text(json.dumps(manifest))


def move_model_outside(package: Path) -> None:
    protobuf(package).rename(package.parent / "model.mlmodel")
    manifest = json.loads((package / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = "../../model.mlmodel"
    (package / "Manifest.json").write_text(json.dumps(manifest))


def name_weights_outside(package: Path) -> None:
    content = protobuf(package).read_bytes()
    inside, outside = b"@model_path/weights/weight.bin", b"@model_path/../../../../a/x.bin"[:30]
    assert len(inside) == len(outside)
    protobuf(package).write_bytes(content.replace(inside, outside))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda package: cut(weights(package), 0.5), "it is truncated"),
        (lambda package: cut(weights(package), 0.0), "is truncated: 0 bytes"),
        (lambda package: weights(package).unlink(), "weight file not found"),
        (lambda package: protobuf(package).unlink(), "lacks the model that its manifest names"),
        (lambda package: protobuf(package).write_bytes(b""), "holds no model"),
        (lambda package: protobuf(package).write_text("a text file"), "is not a Core ML model"),
        (lambda package: (package / "Manifest.json").unlink(), "has no Manifest.json"),
        (lambda package: cut(package / "Manifest.json", 0.5), "damaged Manifest.json"),
        (rename_root, "damaged Manifest.json"),
        (move_model_outside, "lacks the model that its manifest names"),
        (name_weights_outside, "names a weight file outside its package"),
        (shutil.rmtree, "not a Core ML package folder"),
    ],
)
def test_damaged_packages_are_refused(package: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(package)
    with pytest.raises(ValueError, match=message):
        MilProgram.load(package)


def test_a_protobuf_cut_anywhere_is_refused(package: Path) -> None:
    whole = protobuf(package).read_bytes()
    for size in range(0, len(whole), 7):
        protobuf(package).write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cannot load Core ML package"):
            MilProgram.load(package)


def test_weights_of_another_shape_are_refused(package: Path) -> None:
    from export.interpreters.mil.package import read_model

    model = read_model(protobuf(package))
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    weight = next(op for op in block.operations if "weight" in op.outputs[0].name)
    # 8 x 4 becomes 4 x 8: as many values, but a net that takes 8 channels.
    dimensions = weight.attributes["val"].type.tensorType.dimensions
    dimensions[0].constant.size, dimensions[1].constant.size = 4, 8
    protobuf(package).write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"op 'conv' \(output 'y'\)"):
        MilProgram.load(package).run({"x": np.zeros((1, 4, 16, 16))})
