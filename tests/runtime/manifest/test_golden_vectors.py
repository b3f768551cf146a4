from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.manifest.golden_records import GoldenCase, Tolerance
from runtime.manifest.golden_vectors import STATISTICS, mirrored, misses, read_input, read_output, sampled
from runtime.manifest.manifest import Manifest


@pytest.fixture
def golden(manifest_dir: Path) -> GoldenCase:
    return Manifest.load(manifest_dir).golden[0]


def test_a_tile_is_mirrored_again_and_again() -> None:
    tile = np.array([[[[1.0, 2.0], [3.0, 4.0]]]], np.float32)
    assert mirrored(tile, 3, 6)[0, 0].tolist() == [
        [1.0, 2.0, 2.0, 1.0, 1.0, 2.0],
        [3.0, 4.0, 4.0, 3.0, 3.0, 4.0],
        [3.0, 4.0, 4.0, 3.0, 3.0, 4.0],
    ]
    np.testing.assert_array_equal(mirrored(tile, 2, 2), tile)


def test_an_input_is_divided_and_mirrored(golden: GoldenCase, manifest_dir: Path) -> None:
    image = read_input(golden.inputs[0], manifest_dir, (4, 2))
    assert (image.shape, image.dtype) == ((1, 3, 4, 2), np.float32)
    np.testing.assert_array_equal(image[0, 1] * 255.0, [[80.0, 100.0], [120.0, 140.0], [120.0, 140.0], [80.0, 100.0]])


def test_an_output_is_read_as_it_is(golden: GoldenCase, manifest_dir: Path) -> None:
    assert read_output(golden.outputs[0], manifest_dir)[0, 0].tolist() == [[0, 0.5, 1], [1.5, 2, 2.5], [3, 3.5, 4]]


def test_sampling_starts_at_the_first_pixel() -> None:
    assert sampled(np.arange(10, dtype=np.float32).reshape(1, 1, 1, 10), 3).ravel().tolist() == [0.0, 3.0, 6.0, 9.0]


def test_statistics_of_known_errors() -> None:
    errors = np.arange(1.0, 201.0)
    assert STATISTICS["mean"](errors) == 100.5
    assert STATISTICS["p99"](errors) == 198.0  # 198 of 200 errors do not exceed it
    assert STATISTICS["rms"](np.array([3.0, 4.0, 0.0, 0.0])) == 2.5


def test_an_answer_is_judged_at_the_sampled_pixels(golden: GoldenCase, manifest_dir: Path) -> None:
    answer = np.full((1, 1, 32, 32), np.nan, np.float32)
    answer[..., ::15, ::15] = read_output(golden.outputs[0], manifest_dir) + np.float32(0.0005)
    assert misses(golden, "fp32", {"sigma_px": answer}, manifest_dir) == []
    answer[..., 15, 15] += 0.009
    assert misses(golden, "fp32", {"sigma_px": answer}, manifest_dir) == ["mean error 0.0015 > 0.001"]
    answer[..., 15, 15] = np.nan
    assert misses(golden, "fp32", {"sigma_px": answer}, manifest_dir) == ["mean error nan > 0.001"]


def test_what_cannot_be_judged_is_refused(golden: GoldenCase, manifest_dir: Path) -> None:
    answer = {"sigma_px": np.zeros((1, 1, 16, 32), np.float32)}
    with pytest.raises(ValueError, match=r"should have \[1, 1, 3, 3\] sampled pixels, got \[1, 1, 2, 3\]"):
        misses(golden, "fp32", answer, manifest_dir)
    with pytest.raises(ValueError, match="defocus noise has no tolerance for int8: there are fp32"):
        misses(golden, "int8", answer, manifest_dir)


def test_altered_files_are_refused(golden: GoldenCase, manifest_dir: Path) -> None:
    path = manifest_dir / golden.inputs[0].path
    path.write_bytes(bytes(12))
    with pytest.raises(ValueError, match="is not the file that the manifest describes"):
        read_input(golden.inputs[0], manifest_dir, (4, 4))
    assert read_input(golden.inputs[0], manifest_dir, (4, 4), check_digest=False).max() == 0.0
    path.write_bytes(bytes(11))
    with pytest.raises(ValueError, match="should have 12 bytes, has 11"):
        read_input(golden.inputs[0], manifest_dir, (4, 4), check_digest=False)
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        read_input(golden.inputs[0], manifest_dir, (4, 4))


def test_the_manifest_keeps_tolerances(golden: GoldenCase) -> None:
    assert golden.tolerances == {"fp32": (Tolerance(statistic="mean", at_most=0.001),)}
