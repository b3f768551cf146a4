"""The Core ML back end with a stand-in for coremltools: what it asks Core ML for, and what it hands over."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.backends.mlpackage import COMPUTE_UNITS, MlpackageRunner, open_graph
from runtime.manifest.records import Artifact, ArtifactTensor
from runtime.system.arrays import FloatArray

HEIGHT, WIDTH = 2, 3
UNITS = {name: f"ComputeUnit.{name}" for name in ("ALL", *COMPUTE_UNITS)}


class FakeModel:
    """Keeps what it was given; answers with the mean of the picture and the map."""

    def __init__(self, path: str, **options: Any) -> None:
        if "missing" in path:
            raise RuntimeError("no such model\nat line 7")
        self.path, self.options = path, options
        self.given: dict[str, Any] = {}

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.given = inputs
        picture = np.asarray(inputs["image"], np.float32)
        planes = picture.transpose(2, 0, 1)[None] / 255.0 if picture.ndim == 3 else picture
        return {"sharp": (planes + inputs["sigma_px"]).astype(np.float16)}


@pytest.fixture(autouse=True)
def coremltools(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(models=SimpleNamespace(MLModel=FakeModel), ComputeUnit=UNITS)
    monkeypatch.setitem(sys.modules, "coremltools", fake)
    monkeypatch.setattr(sys, "platform", "darwin")


def tensor(name: str, channels: int, **more: Any) -> ArtifactTensor:
    return ArtifactTensor(name=name, layout="NCHW", shape=(1, channels, HEIGHT, WIDTH), **{"dtype": "float16", **more})


@pytest.fixture
def artifact(make_artifact: Any) -> Artifact:
    return dataclasses.replace(
        make_artifact("deblur", "coreml", "mlpackage"),
        inputs=(tensor("image", 3), tensor("sigma_px", 1)),
        outputs=(tensor("sharp", 3),),
    )


@pytest.fixture
def pictured(artifact: Artifact) -> Artifact:
    picture = tensor("image", 3, dtype="uint8", kind="image", divisor=255.0)
    return dataclasses.replace(artifact, inputs=(picture, artifact.inputs[1]))


CODES = np.arange(3 * HEIGHT * WIDTH, dtype=np.uint8).reshape(1, 3, HEIGHT, WIDTH) * 14
INPUTS: dict[str, FloatArray] = {
    "image": (CODES / np.float32(255.0)).astype(np.float32),
    "sigma_px": np.full((1, 1, HEIGHT, WIDTH), 0.5, np.float32),
}


def test_arrays_go_in_as_they_are(artifact: Artifact) -> None:
    runner = open_graph(artifact, Path("net.mlpackage"), None)
    result = runner.run(INPUTS)["sharp"]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, INPUTS["image"] + 0.5, atol=1e-3)
    given = runner._model.given
    assert (given["image"].dtype, given["image"].shape) == (np.float16, (1, 3, HEIGHT, WIDTH))


def test_a_picture_goes_in_as_one(pictured: Artifact) -> None:
    runner = open_graph(pictured, Path("net.mlpackage"), None)
    result = runner.run(INPUTS)["sharp"]
    np.testing.assert_allclose(result, INPUTS["image"] + 0.5, atol=1e-3)
    given = runner._model.given["image"]
    assert isinstance(given, Image.Image)
    assert (given.mode, given.size) == ("RGB", (WIDTH, HEIGHT))
    assert given.getpixel((2, 1)) == tuple(int(plane[1, 2]) for plane in CODES[0])


@pytest.mark.parametrize("units", COMPUTE_UNITS)
def test_units_are_those_asked_for(artifact: Artifact, units: str) -> None:
    model = MlpackageRunner(artifact, Path("net.mlpackage"), units)._model
    assert model.options == {"compute_units": UNITS[units]}
    assert open_graph(artifact, Path("net.mlpackage"), None, units)._model.options == model.options


def test_without_a_wish_core_ml_chooses(artifact: Artifact) -> None:
    assert open_graph(artifact, Path("net.mlpackage"), None)._model.options == {"compute_units": UNITS["ALL"]}


def test_one_function_of_several(artifact: Artifact) -> None:
    artifact = dataclasses.replace(artifact, function="size_512x512")
    options = open_graph(artifact, Path("net.mlpackage"), None)._model.options
    assert options["function_name"] == "size_512x512"


def test_refusals_are_sentences(artifact: Artifact) -> None:
    with pytest.raises(ValueError, match="compute units 'GPU' are not known; known are CPU_ONLY, CPU_AND_GPU, CPU_AND"):
        open_graph(artifact, Path("net.mlpackage"), None, "GPU")
    with pytest.raises(ValueError, match=r"Core ML cannot load missing\.mlpackage: no such model$"):
        open_graph(artifact, Path("missing.mlpackage"), None)
