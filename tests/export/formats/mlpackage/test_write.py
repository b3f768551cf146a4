"""Writing a Core ML package: what it declares, that it is reproducible, that it lands whole or not at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.formats.mlpackage import package_files as mlpackage_files
from export.formats.mlpackage import write as mlpackage
from export.formats.mlpackage.write import write_mlpackage
from export.interpreters.mil import MilProgram
from export.interpreters.mil.package import read_model, root_model_path


class Blend(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 3, padding=1)
        nn.init.constant_(self.conv.weight, gain / 36.0)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, image: Tensor, sigma_px: Tensor) -> tuple[Tensor, Tensor]:
        mixed = self.conv(torch.cat([image, sigma_px], 1))
        return torch.relu(mixed), sigma_px * 0.5


EXAMPLE = (torch.ones(1, 3, 16, 32), torch.full((1, 1, 16, 32), 2.0))
GIVEN = {"image": EXAMPLE[0].numpy(), "sigma_px": EXAMPLE[1].numpy()}


def write(path: Path, module: nn.Module | None = None, precision: str = "fp16") -> Path:
    net = (module or Blend()).eval()
    write_mlpackage(net, EXAMPLE, ["image", "sigma_px"], ["mixed", "half"], path, precision=precision)
    return path


def content(package: Path) -> dict[str, bytes]:
    return {str(file.relative_to(package)): file.read_bytes() for file in package.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("blend") / "blend.mlpackage")


def test_border_is_float16_with_our_names_and_order(package: Path) -> None:
    description = read_model(root_model_path(package)).description
    described = [(feature.name, feature.type.multiArrayType) for feature in (*description.input, *description.output)]
    assert [name for name, _ in described] == ["image", "sigma_px", "mixed", "half"]
    assert [list(array.shape) for _, array in described[:2]] == [[1, 3, 16, 32], [1, 1, 16, 32]]
    assert {array.dataType for _, array in described} == {array.FLOAT16 for _, array in described}
    program = MilProgram.load(package)
    assert [spec.dtype for spec in (*program.inputs, *program.outputs)] == ["FLOAT16"] * 4
    assert "cast" not in program.op_counts


def test_needs_ios_17_and_carries_metadata(package: Path) -> None:
    model = read_model(root_model_path(package))
    assert model.specificationVersion == 8
    metadata = model.description.metadata
    assert (metadata.author, metadata.license) == ("Reblur", "Apache-2.0")
    assert metadata.shortDescription == "Reblur blend: image, sigma_px -> mixed, half"


def test_carries_no_date(package: Path) -> None:
    entries = read_model(root_model_path(package)).description.metadata.userDefined
    assert {key.rpartition(".")[2] for key in entries} == {"source", "source_dialect", "version"}


def test_computes_what_the_module_does(package: Path) -> None:
    outputs = MilProgram.load(package).run(GIVEN)
    # Inside, the 36 equal weights of 1/36 average three channels of 1 and one of 2: 1.25.
    assert outputs["mixed"][0, :, 8, 8] == pytest.approx([1.25] * 3, abs=1e-3)
    assert outputs["half"].shape == (1, 1, 16, 32)
    assert np.all(outputs["half"] == 1.0)


def test_fp32_is_exact_and_typed_so(tmp_path: Path) -> None:
    path = write(tmp_path / "blend.mlpackage", precision="fp32")
    assert {spec.dtype for spec in MilProgram.load(path).inputs} == {"FLOAT32"}
    with torch.no_grad():
        expected = Blend()(*EXAMPLE)[0].numpy()
    np.testing.assert_allclose(MilProgram.load(path).run(GIVEN, "fp32")["mixed"], expected, atol=1e-6)


def test_same_module_gives_the_same_bytes(package: Path, tmp_path: Path) -> None:
    assert content(write(tmp_path / "blend.mlpackage")) == content(package)


@pytest.mark.skipif(sys.platform == "win32", reason="not run: Windows has no such permissions")
def test_every_file_has_the_usual_permissions(package: Path, tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    modes = {file.name: file.stat().st_mode for file in package.rglob("*") if file.is_file()}
    assert set(modes.values()) == {usual.stat().st_mode}, modes


def test_manifest_is_still_one_that_apple_accepts(package: Path) -> None:
    from coremltools.libmodelpackage import ModelPackage

    assert ModelPackage.isValid(str(package))
    manifest = json.loads((package / "Manifest.json").read_text())
    assert [entry["name"] for entry in manifest["itemInfoEntries"].values()] == ["weights", "model.mlmodel"]


def test_holds_the_model_and_nothing_else(package: Path) -> None:
    folder = "Data/com.apple.CoreML"
    assert set(content(package)) == {
        "Manifest.json",
        f"{folder}/model.mlmodel",
        f"{folder}/weights/weight.bin",
    }


def test_a_package_without_weights_has_no_empty_folder(tmp_path: Path) -> None:
    from coremltools.libmodelpackage import ModelPackage

    path = tmp_path / "relu.mlpackage"
    write_mlpackage(nn.ReLU().eval(), (EXAMPLE[0],), ["x"], ["y"], path)
    # Every folder survives git and a copy file by file; and the manifest names nothing that is not there.
    assert all(any(folder.iterdir()) for folder in path.rglob("*") if folder.is_dir())
    assert ModelPackage.isValid(str(path))
    assert MilProgram.load(path).run({"x": -EXAMPLE[0].numpy()})["y"].max() == 0.0


def test_replaces_an_older_package(package: Path, tmp_path: Path) -> None:
    path = tmp_path / "blend.mlpackage"
    path.mkdir()
    (path / "stale").write_text("left over")
    write(path, Blend(gain=2.0))
    assert MilProgram.load(path).run(GIVEN)["mixed"][0, 0, 8, 8] == pytest.approx(2.5, abs=2e-3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["blend.mlpackage"]
    assert not (path / "stale").exists()


@pytest.mark.parametrize(("where", "stage"), [(mlpackage, "_convert"), (mlpackage_files, "copy_reproducibly")])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_failure_leaves_the_older_package(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: ModuleType,
    stage: str,
    failure: BaseException | type[BaseException],
) -> None:
    path = tmp_path / "blend.mlpackage"
    path.mkdir()
    (path / "old").write_text("still good")

    def half_written(*arguments: object) -> None:
        for fresh in (argument for argument in arguments if isinstance(argument, Path)):
            fresh.mkdir(parents=True, exist_ok=True)
            (fresh / "half").write_text("half")
        raise failure

    monkeypatch.setattr(where, stage, half_written)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write(path)
    assert [str(entry.relative_to(tmp_path)) for entry in sorted(tmp_path.rglob("*"))] == [
        "blend.mlpackage",
        "blend.mlpackage/old",
    ]


def test_a_failed_swap_puts_the_older_package_back(tmp_path: Path) -> None:
    path = tmp_path / "blend.mlpackage"
    path.mkdir()
    with pytest.raises(FileNotFoundError):
        mlpackage_files.move_into_place(tmp_path / "missing", path, tmp_path / "replaced")
    assert [entry.name for entry in tmp_path.iterdir()] == ["blend.mlpackage"]


def test_conversion_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "blend.mlpackage")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


class Unconvertible(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


def test_what_cannot_be_converted_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"coremltools cannot convert odd: .*bessel"):
        write_mlpackage(Unconvertible().eval(), (EXAMPLE[0],), ["x"], ["y"], tmp_path / "odd.mlpackage")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": Path("net.mlmodel")}, "ends in .mlpackage, but the path is net.mlmodel"),
        ({"precision": "int8"}, "precision 'int8' is not known; known are fp32, fp16, w8, p6, w8a8"),
        ({"precision": "w8a8"}, "w8a8 needs representative inputs"),
        ({"input_names": ["image"]}, "2 example inputs were given for 1 input names"),
        ({"module": Blend().train()}, "in training mode; call .eval()"),
    ],
)
def test_bad_requests_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    request: dict[str, object] = {
        "module": Blend().eval(),
        "example_inputs": EXAMPLE,
        "input_names": ["image", "sigma_px"],
        "output_names": ["mixed", "half"],
        "path": tmp_path / "net.mlpackage",
    }
    with pytest.raises(ValueError, match=message):
        write_mlpackage(**(request | changes))  # type: ignore[arg-type]
