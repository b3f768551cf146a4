from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.backends.base import to_file
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact
from runtime.photos.photo import Photo
from runtime.refocusing.graphs import Opener
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.tiling import TiledGraph

LEFT, RIGHT = (0.2, 0.5), (0.8, 0.5)


class FakeRunner:
    """Stands for a loaded graph; checks what it is given as a back end does."""

    def __init__(self, artifact: Artifact, compute: Callable[..., np.ndarray]) -> None:
        self.artifact = artifact
        self.compute = compute
        self.calls = 0

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        to_file(self.artifact, inputs)
        self.calls += 1
        return {self.artifact.outputs[0].name: self.compute(**inputs)}


def fake_runners(manifest: Manifest) -> dict[str, FakeRunner]:
    """Blur is read off the red channel, deblurring halves green, refocusing shows the target sigma in blue."""

    def defocus(image: np.ndarray) -> np.ndarray:
        return image[:, :1] * 6.0

    def deblur(image: np.ndarray, sigma_px: np.ndarray) -> np.ndarray:
        assert sigma_px.max() <= 6.0
        return image * np.array([1.0, 0.5, 1.0], np.float32)[None, :, None, None]

    def refocus(sharp: np.ndarray, target_sigma_px: np.ndarray) -> np.ndarray:
        return np.concatenate([sharp[:, :2], np.abs(target_sigma_px) / 6.0], axis=1)

    functions: dict[str, Callable[..., np.ndarray]] = {"defocus": defocus, "deblur": deblur, "refocus": refocus}
    return {
        name: FakeRunner(manifest.artifact(f"{name}-tflite-fp32"), function) for name, function in functions.items()
    }


def pipeline_of(
    manifest: Manifest, runners: Mapping[str, FakeRunner], others: Mapping[str, Opener] | None = None, **options: Any
) -> RefocusPipeline:
    """A pipeline of graphs as the manifest describes them, and of others that are opened when they are needed."""
    graphs: dict[str, TiledGraph | Opener] = {
        name: TiledGraph.of(runner, manifest.graphs[name].halo_px) for name, runner in runners.items()
    }
    graphs |= others or {}
    return RefocusPipeline(graphs, sigma_max_px=manifest.sigma_max_px, target_max_px=6.0, **options)


@pytest.fixture
def manifest(manifest_dir: Path) -> Manifest:
    return Manifest.load(manifest_dir)


def two_halves(height: int = 60, width: int = 80, stripe: int = 2) -> np.ndarray:
    """Left half in focus, right half blurred by 3 px, as the fake estimator reads it; with stripes to tell blur by."""
    picture = np.full((height, width, 3), 0.4, np.float32)
    picture[..., 2] = np.where(np.arange(width) % (2 * stripe) < stripe, 0.1, 0.7)
    picture[..., 0] = 0.0
    picture[:, width // 2 :, 0] = 0.5
    return picture


def test_one_analysis_serves_many_taps(manifest: Manifest) -> None:
    runners = fake_runners(manifest)
    pipeline = pipeline_of(manifest, runners)
    analysis = pipeline.analyse(two_halves(24, 32))
    assert analysis.size_px == (24, 32)
    assert analysis.sigma_px[12, 4] == 0.0
    assert analysis.sigma_px[12, 28] == pytest.approx(3.0)
    np.testing.assert_allclose(analysis.sharp[..., 1], 0.2, rtol=1e-6)
    before = {name: runner.calls for name, runner in runners.items()}

    near = pipeline.refocus(LEFT, 1.0)
    far = pipeline.refocus(RIGHT, 4.0)
    assert near.shape == (24, 32, 3)
    assert near[12, 28, 2] * 6.0 == pytest.approx(6.0, abs=0.5)  # (2 / 1) * |3 - 0|
    assert far[12, 4, 2] * 6.0 == pytest.approx(1.5, abs=0.1)  # (2 / 4) * |0 - 3|
    assert far[12, 28, 2] * 6.0 == pytest.approx(0.0, abs=0.1)
    np.testing.assert_allclose(far[..., 1], 0.2, rtol=1e-6)  # the sharp picture is what is blurred
    assert runners["defocus"].calls == before["defocus"]
    assert runners["deblur"].calls == before["deblur"]
    assert runners["refocus"].calls == 2


def test_where_the_blur_asked_for_is_there_already_the_photograph_stays(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    picture = two_halves(24, 32)
    pipeline.analyse(picture)
    result = pipeline.refocus(LEFT, 2.0)
    for half in (slice(0, 5), slice(27, 32)):
        np.testing.assert_allclose(result[:, half], picture[:, half], atol=1e-6)


def test_a_given_signed_map_is_used(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    pipeline.analyse(two_halves(24, 32))
    signed = np.full((24, 32), 2.0, np.float32)
    signed[:, :16] = -2.0
    picture = pipeline.refocus(RIGHT, 2.0, defocus_px=signed)
    assert picture[12, 4, 2] * 6.0 == pytest.approx(4.0)
    with pytest.raises(ValueError, match=r"working size \(24, 32\), got \(12, 16\)"):
        pipeline.refocus(RIGHT, 2.0, defocus_px=signed[::2, ::2])


def test_a_photograph_comes_out_at_its_own_size_and_depth(manifest: Manifest) -> None:
    for dtype, largest in ((np.uint8, 255), (np.uint16, 65535)):
        photo = Photo(samples=np.rint(two_halves(120, 160, 8) * largest).astype(dtype))
        pipeline = pipeline_of(manifest, fake_runners(manifest), working_long_side_px=40)
        pipeline.analyse(photo)
        result = pipeline.refocus_photo(photo, LEFT, 1.0)
        assert (result.shape, result.dtype) == (photo.samples.shape, photo.samples.dtype)
        rows = set[tuple[int, int]]()
        same = pipeline.refocus_photo(photo, LEFT, 2.0, on_progress=lambda *step, rows=rows: rows.add(step))
        for half in (slice(0, 40), slice(120, 160)):
            np.testing.assert_array_equal(same[:, half], photo.samples[:, half], "nothing was asked for")
        assert (120, 120) in rows
        with pytest.raises(ValueError, match="not the photograph that was analysed"):
            pipeline.refocus_photo(Photo(samples=photo.samples[:60]), LEFT, 1.0)


def test_networks_are_closed_after_an_analysis_where_they_are_not_kept_and_opened_for_the_next(
    manifest: Manifest,
) -> None:
    runners, opened = fake_runners(manifest), list[str]()

    def opener(name: str) -> Opener:
        def open_graph() -> TiledGraph:
            opened.append(name)
            return TiledGraph.of(runners[name], manifest.graphs[name].halo_px)

        return open_graph

    for keep, again in ((True, []), (False, ["defocus", "deblur"])):
        opened.clear()
        pipeline = pipeline_of(manifest, {}, {name: opener(name) for name in runners}, keep_networks=keep)
        pipeline.analyse(two_halves(24, 32))
        assert opened == ["defocus", "deblur"]
        pipeline.refocus(LEFT, 1.0)
        pipeline.analyse(two_halves(24, 32))
        pipeline.refocus(LEFT, 1.0)
        assert opened == ["defocus", "deblur", "refocus", *again]


def test_a_photograph_of_the_working_size_is_what_the_screen_shows(manifest: Manifest) -> None:
    photo = Photo(samples=np.rint(two_halves(24, 32) * 255).astype(np.uint8))
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    pipeline.analyse(photo)
    rows: list[tuple[int, int]] = []
    result = pipeline.refocus_photo(photo, LEFT, 1.0, on_progress=lambda *step: rows.append(step))
    np.testing.assert_array_equal(result, photo.as_samples(pipeline.refocus(LEFT, 1.0)))
    assert rows == [(24, 24)]


def test_the_working_size_is_limited_and_never_enlarged(manifest: Manifest) -> None:
    pipeline = pipeline_of(manifest, fake_runners(manifest), working_long_side_px=40)
    analysis = pipeline.analyse(Photo(samples=two_halves(60, 80)))
    assert analysis.size_px == (30, 40)
    assert analysis.photo_size_px == (60, 80)
    assert pipeline.refocus(LEFT, 2.0).shape == (30, 40, 3)


def test_progress_ends_at_its_total(manifest: Manifest) -> None:
    seen: list[tuple[int, int]] = []
    pipeline_of(manifest, fake_runners(manifest)).analyse(two_halves(), lambda *step: seen.append(step))
    total = seen[0][1]
    assert seen == [(k, total) for k in range(1, total + 1)]
    assert total > 2


def test_refocus_before_analyse(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match="call analyse first"):
        pipeline_of(manifest, fake_runners(manifest)).refocus(LEFT, 2.0)


def test_bad_taps_are_refused_before_any_work(manifest: Manifest) -> None:
    runners = fake_runners(manifest)
    pipeline = pipeline_of(manifest, runners)
    pipeline.analyse(two_halves())
    with pytest.raises(ValueError, match="focus must be"):
        pipeline.refocus((1.2, 0.5), 2.0)
    with pytest.raises(ValueError, match="aperture must be"):
        pipeline.refocus(LEFT, 0.0)
    with pytest.raises(ValueError, match="bokeh must be gaussian or disc, got 'hexagon'"):
        pipeline.refocus(LEFT, 2.0, bokeh="hexagon")
    assert runners["refocus"].calls == 0


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((40, 40), np.float32), "expected an"),
        (np.zeros((40, 40, 4), np.float32), "expected an"),
        (np.zeros((40, 40, 3), np.uint8), "got uint8"),
        (np.full((40, 40, 3), 255.0, np.float32), "got 255 to 255"),
        (np.full((40, 40, 3), np.nan, np.float32), "got nan to nan"),
    ],
)
def test_what_is_no_picture_is_refused(manifest: Manifest, picture: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        pipeline_of(manifest, fake_runners(manifest)).analyse(picture)


def test_a_working_size_below_the_smallest_picture(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match="at least 32 px, got 31"):
        pipeline_of(manifest, fake_runners(manifest), working_long_side_px=31)


def test_open_names_what_is_missing(manifest_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run `make export` first"):
        RefocusPipeline.open(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no pipeline for executorch: there are tflite fp32"):
        RefocusPipeline.open(manifest_dir, "executorch")
    (manifest_dir / "deblur_fp32.tflite").unlink()
    with pytest.raises(ValueError, match=r"(_fp32\.tflite is missing|cannot load .*defocus_fp32\.tflite)"):
        RefocusPipeline.open(manifest_dir)


def test_a_grey_photograph_stays_grey(manifest: Manifest) -> None:
    """Whatever the deblurring network sees in it: here it halves green."""
    pipeline = pipeline_of(manifest, fake_runners(manifest))
    grey = np.repeat(np.tile(np.linspace(0.1, 0.9, 80, dtype=np.float32), (60, 1))[..., None], 3, axis=2)
    assert np.ptp(pipeline.analyse(grey).sharp, axis=2).max() == 0.0
    tinted = grey * np.array([1.0, 0.95, 1.0], np.float32)
    assert np.ptp(pipeline.analyse(tinted).sharp, axis=2).max() > 0.2
