"""Compressed packages of a small deblurring network: what is compressed, how closely they follow, that they repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.formats.mlpackage.write import write_mlpackage
from export.graphs.specs import GraphSpec, example_inputs
from export.interpreters.mil import MilProgram
from export.interpreters.mil.package import read_model, root_model_path
from export.interpreters.mil.quiet import quiet

pytestmark = pytest.mark.slow

SIDE = 64
ERROR = {"fp16": 2e-3, "w8": 6e-3, "p6": 2e-2, "w8a8": 4e-2}
"""Precision -> largest root of the mean square error, as a part of what the network adds."""
CONSTEXPR = {"w8": "constexpr_affine_dequantize", "p6": "constexpr_lut_to_dense", "w8a8": "constexpr_affine_dequantize"}


@pytest.fixture(scope="module")
def spec(small_specs: dict[str, GraphSpec]) -> GraphSpec:
    return small_specs["deblur"]


def samples(spec: GraphSpec) -> list[tuple[Tensor, ...]]:
    return [example_inputs(spec, SIDE, SIDE, seed) for seed in range(2)]


def write(spec: GraphSpec, path: Path, precision: str, **more: object) -> Path:
    names = [tensor.name for tensor in spec.inputs], [tensor.name for tensor in spec.outputs]
    options = {"precision": precision, "calibration": samples(spec), **more}
    write_mlpackage(spec.module, samples(spec)[0], *names, path, **options)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def packages(spec: GraphSpec, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("precisions")
    return {precision: write(spec, folder / f"{precision}.mlpackage", precision) for precision in ERROR}


def operators(package: Path) -> list[tuple[str, str, list[str]]]:
    """Kind, name and all the inputs' names of every operator of the saved file."""
    (block,) = read_model(root_model_path(package)).mlProgram.functions["main"].block_specializations.values()
    return [
        (op.type, op.outputs[0].name, [a.name for value in op.inputs.values() for a in value.arguments])
        for op in block.operations
    ]


@pytest.mark.parametrize("precision", ERROR)
@pytest.mark.parametrize("arithmetic", ["fp16", "fp32"])
def test_follows_the_float_network(spec: GraphSpec, packages: dict[str, Path], precision: str, arithmetic: str) -> None:
    image, sigma_px = samples(spec)[1]
    program = MilProgram.load(packages[precision])
    result = program.run({"image": image.numpy(), "sigma_px": sigma_px.numpy()}, arithmetic)["sharp"]
    with torch.no_grad():
        expected = spec.module(image, sigma_px).numpy()
    added = np.sqrt(np.mean((expected - image.numpy()) ** 2))
    error = np.sqrt(np.mean((result - expected) ** 2)) / added
    assert error < ERROR[precision]
    if precision in CONSTEXPR:
        assert error > ERROR["fp16"]  # or nothing was compressed


@pytest.mark.parametrize("precision", CONSTEXPR)
def test_compresses_the_coarse_convolutions_and_no_other(packages: dict[str, Path], precision: str) -> None:
    program = MilProgram.load(packages[precision])
    compressed = {name for kind, name, _ in operators(packages[precision]) if kind == CONSTEXPR[precision]}
    sizes = {name: program.constants[name].shape for name in compressed}
    assert sizes
    for name, shape in sizes.items():
        assert np.prod(shape) > 512, name
        if precision != "w8a8":
            assert "stem" not in name
            assert "head" not in name
    if precision == "p6":
        assert all(len(np.unique(program.constants[name])) <= 64 for name in sizes)


@pytest.mark.parametrize("precision", CONSTEXPR)
def test_weights_are_bit_for_bit_what_coremltools_decompresses(
    packages: dict[str, Path], tmp_path: Path, precision: str
) -> None:
    with quiet():
        import coremltools as ct
        import coremltools.optimize.coreml as tools

        model = ct.models.MLModel(str(packages[precision]), skip_model_load=True)
        tools.decompress_weights(model).save(str(tmp_path / "plain.mlpackage"))
    ours, theirs = (
        MilProgram.load(packages[precision]).constants,
        MilProgram.load(tmp_path / "plain.mlpackage").constants,
    )
    dense = {name for kind, name, _ in operators(packages[precision]) if kind == CONSTEXPR[precision]}
    assert dense
    for name in dense:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_activations_are_quantized_up_to_the_head(packages: dict[str, Path]) -> None:
    kinds = [kind for kind, _, _ in operators(packages["w8a8"])]
    head = len(kinds) - 1 - kinds[::-1].index("conv_transpose")
    places = [i for i, kind in enumerate(kinds) if kind == "quantize"]
    assert kinds.index("concat") < places[0]
    assert places[-1] < head
    assert "quantize" not in {
        kind for precision in ("fp16", "w8", "p6") for kind, _, _ in operators(packages[precision])
    }


@pytest.mark.parametrize("precision", ERROR)
def test_every_tensor_at_the_border_is_float16(packages: dict[str, Path], precision: str) -> None:
    program = MilProgram.load(packages[precision])
    assert [t.name for t in (*program.inputs, *program.outputs)] == ["image", "sigma_px", "sharp"]
    assert {t.dtype for t in (*program.inputs, *program.outputs)} == {"FLOAT16"}
    assert read_model(root_model_path(packages[precision])).specificationVersion == 8


def same_bytes(first: Path, second: Path) -> bool:
    files = [file.relative_to(first) for file in first.rglob("*") if file.is_file()]
    return len(files) == 3 and all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


@pytest.mark.parametrize("precision", ["w8", "p6"])
def test_same_module_gives_the_same_bytes(
    spec: GraphSpec, packages: dict[str, Path], tmp_path: Path, precision: str
) -> None:
    assert same_bytes(write(spec, tmp_path / f"{precision}.mlpackage", precision), packages[precision])


def test_ranges_are_those_of_all_samples_in_any_order(
    spec: GraphSpec, packages: dict[str, Path], tmp_path: Path
) -> None:
    backwards = write(spec, tmp_path / "w8a8.mlpackage", "w8a8", calibration=samples(spec)[::-1])
    assert same_bytes(backwards, packages["w8a8"])


def scales(package: Path) -> list[float]:
    constants = MilProgram.load(package).constants
    return sorted(
        float(value)
        for name, value in constants.items()
        if "quantize_" in name and "_scale_" in name and value.size == 1
    )


def test_pictures_are_calibrated_in_their_own_numbers(
    spec: GraphSpec, packages: dict[str, Path], tmp_path: Path
) -> None:
    pictures = write(spec, tmp_path / "pictures.mlpackage", "w8a8", images=["image"], float_first_convs=2)
    arrays, fewer = scales(packages["w8a8"]), scales(pictures)
    assert 0 < len(fewer) < len(arrays)  # the first two convolutions stay float
    for scale in fewer:
        assert min(abs(scale / other - 1.0) for other in arrays) < 5e-3


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@pytest.mark.parametrize("precision", ["w8", "p6"])
def test_nothing_to_compress_is_an_error(tmp_path: Path, precision: str) -> None:
    with pytest.raises(ValueError, match="there is nothing to compress: no convolution below half"):
        write_mlpackage(
            Small().eval(), (torch.rand(1, 3, 16, 16),), ["x"], ["y"], tmp_path / "n.mlpackage", precision=precision
        )
    assert list(tmp_path.iterdir()) == []


def test_too_few_convolutions_for_int8_are_an_error(tmp_path: Path) -> None:
    x = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="int8 activations need more than 1 convolutions, but there are 1"):
        write_mlpackage(
            Small().eval(), (x,), ["x"], ["y"], tmp_path / "n.mlpackage", precision="w8a8", calibration=[(x,)]
        )
