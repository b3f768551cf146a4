from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.graphs.preprocessing import CONVENTIONS, RESIZE, TILING
from runtime.manifest.files import list_files
from runtime.manifest.manifest import (
    SCHEMA_MINOR,
    SCHEMA_VERSION,
    Artifact,
    ArtifactTensor,
    Checkpoint,
    GoldenCase,
    GoldenInput,
    GoldenOutput,
    Graph,
    Manifest,
    ParityFigure,
    Pipeline,
    Size,
    TensorMeaning,
    Tolerance,
)
from runtime.manifest.records import Format, Layout

SIDE = 32
SIGMA_MAX_PX = 6.0
GOLDEN_IMAGE = bytes(range(0, 240, 20))
"""(1, 3, 2, 2) uint8: 0, 20, .. 220."""
GOLDEN_SIGMA = struct.pack("<9f", *(0.5 * k for k in range(9)))
"""(1, 1, 3, 3) float32: 0, 0.5, .. 4."""


def picture(name: str) -> TensorMeaning:
    return TensorMeaning(
        name=name,
        channels=3,
        channel_order="RGB",
        color_space="sRGB",
        unit=None,
        range=(0.0, 1.0),
        meaning="a picture",
    )


def sigma_map(name: str) -> TensorMeaning:
    return TensorMeaning(
        name=name,
        channels=1,
        channel_order=None,
        color_space=None,
        unit="px",
        range=(0.0, SIGMA_MAX_PX),
        meaning="blur",
    )


GRAPHS = {
    "defocus": Graph(
        summary="estimates",
        halo_px=4,
        smallest_tile_px=16,
        inputs=(picture("image"),),
        outputs=(sigma_map("sigma_px"),),
    ),
    "deblur": Graph(
        summary="deblurs",
        halo_px=4,
        smallest_tile_px=16,
        inputs=(picture("image"), sigma_map("sigma_px")),
        outputs=(picture("sharp"),),
    ),
    "refocus": Graph(
        summary="blurs",
        halo_px=8,
        smallest_tile_px=16,
        inputs=(picture("sharp"), sigma_map("target_sigma_px")),
        outputs=(picture("refocused"),),
    ),
}


def artifact_of(
    graph: str, format_: Format = "tflite", extension: str = "tflite", directory: Path | None = None
) -> Artifact:
    """An artefact of ``graph``, 32 x 32; with its files when ``directory`` holds them."""
    layout: Layout = "NHWC" if format_ == "tflite" else "NCHW"

    def tensor(meaning: TensorMeaning) -> ArtifactTensor:
        nhwc = (1, SIDE, SIDE, meaning.channels)
        shape = nhwc if layout == "NHWC" else (1, meaning.channels, SIDE, SIDE)
        return ArtifactTensor(name=meaning.name, dtype="float32", layout=layout, shape=shape)

    path = f"{graph}_fp32.{extension}"
    return Artifact(
        id=f"{graph}-{format_}-fp32",
        graph=graph,
        format=format_,
        precision="fp32",
        path=path,
        files=list_files(directory, path) if directory else (),
        inputs=tuple(tensor(meaning) for meaning in GRAPHS[graph].inputs),
        outputs=tuple(tensor(meaning) for meaning in GRAPHS[graph].outputs),
        tool={"converter": "1.0"},
        status="passed",
        reason="",
        parity=(ParityFigure(case="noise", metric="psnr_db", value=61.25, threshold=42.0, passed=True),),
    )


def manifest_of(artifacts: tuple[Artifact, ...], backend: Format = "tflite") -> Manifest:
    of_graphs: dict[str, Any] = {artifact.graph: artifact.id for artifact in artifacts}
    return Manifest(
        schema_version=SCHEMA_VERSION,
        schema_minor=SCHEMA_MINOR,
        reblur_version="0.1.0",
        created="2026-01-02T03:04:05Z",
        license="Apache-2.0",
        checkpoint=Checkpoint(name="mobile.safetensors", sha256="0" * 64),
        sizes=(Size(height_px=SIDE, width_px=SIDE),),
        sigma_max_px=SIGMA_MAX_PX,
        resize=RESIZE,
        tiling=TILING,
        conventions=CONVENTIONS,
        graphs=GRAPHS,
        artifacts=artifacts,
        pipelines=(
            Pipeline(
                backend=backend,
                delegate="",
                precision="fp32",
                height_px=SIDE,
                width_px=SIDE,
                **of_graphs,
            ),
        ),
        golden=(
            GoldenCase(
                graph="defocus",
                case="noise",
                height_px=SIDE,
                width_px=SIDE,
                inputs=(
                    GoldenInput(
                        name="image",
                        path="golden/defocus.noise.image.u8",
                        dtype="uint8",
                        divisor=255.0,
                        shape=(1, 3, 2, 2),
                        layout="NCHW",
                        sha256=hashlib.sha256(GOLDEN_IMAGE).hexdigest(),
                    ),
                ),
                outputs=(
                    GoldenOutput(
                        name="sigma_px",
                        path="golden/defocus.noise.sigma_px.f32",
                        dtype="float32",
                        stride_px=15,
                        shape=(1, 1, 3, 3),
                        layout="NCHW",
                        sha256=hashlib.sha256(GOLDEN_SIGMA).hexdigest(),
                    ),
                ),
                tolerances={"fp32": (Tolerance(statistic="mean", at_most=0.001),)},
            ),
        ),
        tools={"torch": "2.13.0"},
    )


@pytest.fixture
def manifest_dir(tmp_path: Path) -> Path:
    """A folder with a manifest and three files that are no real graphs."""
    for graph in GRAPHS:
        (tmp_path / f"{graph}_fp32.tflite").write_bytes(graph.encode())
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "defocus.noise.image.u8").write_bytes(GOLDEN_IMAGE)
    (tmp_path / "golden" / "defocus.noise.sigma_px.f32").write_bytes(GOLDEN_SIGMA)
    manifest_of(tuple(artifact_of(graph, directory=tmp_path) for graph in GRAPHS)).write(tmp_path)
    return tmp_path


@pytest.fixture
def make_artifact() -> Callable[..., Artifact]:
    """``artifact_of``, for tests."""
    return artifact_of
