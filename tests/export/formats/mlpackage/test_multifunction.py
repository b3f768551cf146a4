"""Several sizes in one package: the same results, every weight once, the same bytes again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.formats.mlpackage.multifunction import function_name, write_multifunction
from export.formats.mlpackage.write import write_mlpackage
from export.graphs.specs import GraphSpec, example_inputs
from export.interpreters.mil import MilProgram
from export.interpreters.mil.package import read_model, root_model_path

pytestmark = pytest.mark.slow

SIZES = ((32, 64), (64, 32))
GRAPHS = {"deblur": "w8", "preview": "fp16"}
"""The second has no weight large enough for a file of its own."""


def weight_bytes(package: Path) -> int:
    return (package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin").stat().st_size


@pytest.fixture(scope="module")
def singles(small_specs: dict[str, GraphSpec], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("singles")
    result: dict[str, dict[str, Path]] = {}
    for graph, precision in GRAPHS.items():
        spec = small_specs[graph]
        for height, width in SIZES:
            path = folder / f"{graph}-{height}x{width}.mlpackage"
            write_mlpackage(
                spec.module,
                example_inputs(spec, height, width),
                [t.name for t in spec.inputs],
                [t.name for t in spec.outputs],
                path,
                precision=precision,
                images=["image"] if graph == "deblur" else [],
            )
            result.setdefault(graph, {})[function_name(height, width)] = path
    return result


@pytest.fixture(scope="module")
def joint(singles: dict[str, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("joint")
    for graph, packages in singles.items():
        write_multifunction(packages, folder / f"{graph}.mlpackage", "size_64x32")
    return {graph: folder / f"{graph}.mlpackage" for graph in singles}


@pytest.mark.parametrize("graph", GRAPHS)
def test_each_function_gives_what_its_package_gave(
    singles: dict[str, dict[str, Path]], joint: dict[str, Path], graph: str
) -> None:
    generator = np.random.default_rng(0)
    for name, path in singles[graph].items():
        single, function = MilProgram.load(path), MilProgram.load(joint[graph], name)
        assert function.inputs == single.inputs
        given = {
            t.name: generator.integers(0, 256, shape) if t.color_layout else generator.random(shape)
            for t in single.inputs
            for shape in [[size for size in t.shape if size is not None]]
        }
        expected, result = single.run(given), function.run(given)
        assert expected.keys() == result.keys()
        for output in expected:
            np.testing.assert_array_equal(result[output], expected[output])


@pytest.mark.parametrize("graph", GRAPHS)
def test_default_and_metadata(joint: dict[str, Path], graph: str) -> None:
    model = read_model(root_model_path(joint[graph]))
    assert model.specificationVersion == 9  # iOS 18: older systems know one function only
    assert set(model.mlProgram.functions) == {"size_32x64", "size_64x32"}
    assert model.description.metadata.author == "Reblur"
    assert MilProgram.load(joint[graph]).inputs == MilProgram.load(joint[graph], "size_64x32").inputs


def test_weights_are_stored_once(singles: dict[str, dict[str, Path]], joint: dict[str, Path]) -> None:
    sizes = [weight_bytes(package) for package in singles["deblur"].values()]
    assert 0.9 < weight_bytes(joint["deblur"]) / sizes[0] < 1.02
    assert sizes[0] == sizes[1]


def test_same_packages_give_the_same_bytes(
    singles: dict[str, dict[str, Path]], joint: dict[str, Path], tmp_path: Path
) -> None:
    again = tmp_path / "deblur.mlpackage"
    write_multifunction(singles["deblur"], again, "size_64x32")
    files = [file.relative_to(again) for file in again.rglob("*") if file.is_file()]
    assert len(files) == 3
    for file in files:
        assert (again / file).read_bytes() == (joint["deblur"] / file).read_bytes(), file
    assert [entry.name for entry in tmp_path.iterdir()] == ["deblur.mlpackage"]


def test_palettes_are_refused(small_specs: dict[str, GraphSpec], tmp_path: Path) -> None:
    spec, path = small_specs["deblur"], tmp_path / "p6.mlpackage"
    names = [t.name for t in spec.inputs], [t.name for t in spec.outputs]
    write_mlpackage(spec.module, example_inputs(spec, 32, 32), *names, path, precision="p6")
    with pytest.raises(ValueError, match=r"cannot make joint\.mlpackage.*iOS 17's palettes"):
        write_multifunction({"a": path}, tmp_path / "joint.mlpackage", "a")
    assert [entry.name for entry in tmp_path.iterdir()] == ["p6.mlpackage"]


@pytest.mark.parametrize(
    ("names", "default", "path", "message"),
    [
        (["a"], "b", "j.mlpackage", "default function 'b' is not one of a"),
        ([], "b", "j.mlpackage", "default function 'b' is not one of none"),
        (["512x512"], "512x512", "j.mlpackage", "function name '512x512' should be letters, digits and underscores"),
        (["a"], "a", "j.bin", "a Core ML package ends in .mlpackage"),
        (["a"], "a", "j.mlpackage", "not a Core ML package folder: nowhere"),
    ],
)
def test_bad_requests_are_refused(tmp_path: Path, names: list[str], default: str, path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_multifunction(dict.fromkeys(names, Path("nowhere")), tmp_path / path, default)


def test_an_unknown_function_is_refused(joint: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="has no function 'main'; it has: size_32x64, size_64x32"):
        MilProgram.load(joint["deblur"], "main")
