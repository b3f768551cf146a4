from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact
from runtime.refocusing.previewing import PREVIEW, smallest_preview
from runtime.refocusing.tiling import TiledGraph
from tests.runtime.refocusing.test_pipeline import LEFT, RIGHT, fake_runners, pipeline_of, two_halves


@pytest.fixture
def manifest(manifest_dir: Path) -> Manifest:
    return Manifest.load(manifest_dir)


def target_in_blue(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"refocused": np.concatenate([inputs["sharp"][:, :2], np.abs(inputs["target_sigma_px"]) / 6.0], axis=1)}


def quick(height: int, width: int) -> TiledGraph:
    return TiledGraph(run=target_in_blue, size_px=(height, width), halo_px=8)


def test_a_preview_is_as_large_as_its_graph_and_blurs_by_as_much(manifest: Manifest) -> None:
    runners = fake_runners(manifest)
    pipeline = pipeline_of(manifest, runners, {PREVIEW: lambda: quick(12, 16)})
    pipeline.analyse(two_halves(24, 32))
    assert runners["refocus"].calls == 0
    found, whole = pipeline.preview(LEFT, 1.0), pipeline.refocus(LEFT, 1.0)
    assert found.shape == (12, 16, 3)
    assert found[6, 14, 2] == pytest.approx(whole[12, 28, 2] / 2.0, abs=0.03), "half as many of twice as large pixels"
    assert runners["refocus"].calls == 1


def test_where_the_graph_is_large_enough_it_is_the_working_size(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    pipeline.use(PREVIEW, quick(32, 48))
    pipeline.analyse(two_halves(24, 32))
    np.testing.assert_array_equal(pipeline.preview(RIGHT, 1.0), pipeline.refocus(RIGHT, 1.0))


def test_where_the_photograph_has_the_blur_asked_for_it_stays(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest), {PREVIEW: lambda: quick(24, 32)})
    picture = two_halves(24, 32)
    pipeline.analyse(picture)
    np.testing.assert_allclose(pipeline.preview(LEFT, 2.0)[:, :5], picture[:, :5], atol=1e-6)


def test_a_new_photograph_has_previews_of_its_own(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest), {PREVIEW: lambda: quick(12, 16)})
    pipeline.analyse(two_halves(24, 32))
    pipeline.preview(LEFT, 1.0)
    pipeline.analyse(two_halves(16, 20))
    assert pipeline.preview(LEFT, 1.0).shape == (12, 15, 3)


def test_it_says_when_there_is_no_preview_graph_or_no_photograph(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    with pytest.raises(ValueError, match="call analyse first"):
        pipeline.preview(LEFT, 2.0)
    pipeline.analyse(two_halves(24, 32))
    with pytest.raises(ValueError, match="no preview graph: export again with preview among --graphs"):
        pipeline.preview(LEFT, 2.0)


def sized(manifest: Manifest, height: int, width: int) -> Artifact:
    made = manifest.artifact("refocus-tflite-fp32")
    inputs = tuple(dataclasses.replace(tensor, shape=(1, height, width, tensor.shape[3])) for tensor in made.inputs)
    return dataclasses.replace(made, id=f"preview-tflite-fp32-{height}x{width}", graph=PREVIEW, inputs=inputs)


def test_the_smallest_that_half_the_working_size_fits_into(manifest: Manifest) -> None:
    pipeline = manifest.pipelines[0]
    large, half, small = (sized(manifest, *size) for size in ((768, 1024), (384, 512), (192, 256)))
    assert smallest_preview([large, half, small], pipeline, 1024) is half
    assert smallest_preview([large, small], pipeline, 1024) is large
    assert smallest_preview([small], pipeline, 1024) is small
    assert smallest_preview([dataclasses.replace(half, status="failed"), large], pipeline, 1024) is large
    assert smallest_preview([dataclasses.replace(half, format="onnx")], pipeline, 1024) is None
