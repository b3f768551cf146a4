"""Packages that take pictures as a camera keeps them: eight bits, RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.formats.mlpackage.write import write_mlpackage
from export.graphs.specs import GraphSpec
from export.interpreters.mil import MilProgram
from export.interpreters.mil.package import read_model, root_model_path

SIDE = 64


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """A picture of whole code values, 0 and 255 among them, in [0, 1], and a sigma map."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 256, (1, 3, SIDE, SIDE), generator=generator)
    codes[0, :, 0, :2] = torch.tensor([0, 255])
    return codes / 255.0, torch.rand(1, 1, SIDE, SIDE, generator=generator) * 6.0


@pytest.fixture(scope="module", params=["fp16", "fp32"])
def package(
    request: pytest.FixtureRequest,
    small_specs: dict[str, GraphSpec],
    inputs: tuple[torch.Tensor, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("images") / f"deblur-{request.param}.mlpackage"
    module, names = small_specs["deblur"].module, ["image", "sigma_px"]
    write_mlpackage(module, inputs, names, ["sharp"], path, precision=request.param, images=["image"])
    return path


def test_declares_an_rgb_picture(package: Path) -> None:
    description = read_model(root_model_path(package)).description
    image, sigma, sharp = list(description.input) + list(description.output)
    assert [f.type.WhichOneof("Type") for f in (image, sigma, sharp)] == [
        "imageType",
        "multiArrayType",
        "multiArrayType",
    ]
    shown = image.type.imageType
    assert (shown.width, shown.height, shown.colorSpace) == (SIDE, SIDE, shown.RGB)
    program = MilProgram.load(package)
    assert [t.color_layout for t in (*program.inputs, *program.outputs)] == ["RGB", "", ""]


def test_computes_what_the_module_does(
    package: Path, small_specs: dict[str, GraphSpec], inputs: tuple[torch.Tensor, ...]
) -> None:
    codes = np.round(inputs[0].numpy() * 255.0).astype(np.uint8)
    result = MilProgram.load(package).run({"image": codes, "sigma_px": inputs[1].numpy()})["sharp"]
    with torch.no_grad():
        expected = small_specs["deblur"].module(*inputs).numpy()
    np.testing.assert_allclose(result, expected, atol=2e-6 if "fp32" in package.name else 4e-3)


def test_the_division_is_in_the_programs_precision(package: Path) -> None:
    (block,) = read_model(root_model_path(package)).mlProgram.functions["main"].block_specializations.values()
    first = next(op for op in block.operations if op.type == "mul")
    tensor = first.outputs[0].type.tensorType
    assert tensor.dataType == (tensor.dataType.__class__(10 if "fp16" in package.name else 11))


def test_ends_of_the_range_stay_themselves(tmp_path: Path) -> None:
    path = tmp_path / "same.mlpackage"
    write_mlpackage(torch.nn.Identity().eval(), (torch.rand(1, 3, 4, 64),), ["image"], ["same"], path, images=["image"])
    codes = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 1, 4, 64), (1, 3, 1, 1))
    same = MilProgram.load(path).run({"image": codes})["same"]
    assert (same.min(), same.max()) == (0.0, 1.0)
    np.testing.assert_allclose(same, codes / 255.0, atol=2.0**-11)


@pytest.mark.parametrize("wrong", [0.5, -1.0, 256.0, float("nan")])
def test_numbers_that_no_pixel_holds_are_refused(package: Path, wrong: float) -> None:
    given = {"image": np.full((1, 3, SIDE, SIDE), wrong), "sigma_px": np.ones((1, 1, SIDE, SIDE))}
    with pytest.raises(ValueError, match="input 'image' is a picture: it takes whole numbers from 0 to 255"):
        MilProgram.load(package).run(given)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("photo", "picture 'photo' is not one of the inputs, image, sigma_px"),
        ("sigma_px", r"picture 'sigma_px' should be \(1, 3, H, W\), but is \(1, 1, 64, 64\)"),
    ],
)
def test_what_cannot_be_a_picture_is_refused(
    small_specs: dict[str, GraphSpec], inputs: tuple[torch.Tensor, ...], tmp_path: Path, picture: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_mlpackage(
            small_specs["deblur"].module,
            inputs,
            ["image", "sigma_px"],
            ["sharp"],
            tmp_path / "n.mlpackage",
            images=[picture],
        )
