"""Depth in a file beside the photograph: what its numbers mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.photos.photo import Photo
from runtime.refocusing.depth_file import read_depth_file

PHOTO = Photo(samples=np.zeros((60, 80, 3), np.uint8))


def saved(tmp_path: Path, values: np.ndarray, name: str = "depth.png") -> Path:
    path = tmp_path / name
    Image.fromarray(np.repeat(np.repeat(values, 60 // values.shape[0], 0), 80 // values.shape[1], 1)).save(path)
    return path


def test_eight_bits_of_inverse_depth_are_taken_as_they_are(tmp_path: Path) -> None:
    found = read_depth_file(saved(tmp_path, np.array([[51, 102]], np.uint8)), PHOTO, "inverse")
    assert (found[0, 0], found[0, -1]) == (pytest.approx(0.2), pytest.approx(0.4))


def test_sixteen_bits_go_from_the_least_to_the_largest(tmp_path: Path) -> None:
    """Millimetres and the like use a small part of what there is, and had no effect."""
    found = read_depth_file(saved(tmp_path, np.array([[400, 600, 800, 800]], np.uint16)), PHOTO, "inverse")
    assert [found[0, x] for x in (0, 25, 79)] == [0.0, pytest.approx(0.5), 1.0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_of_metres_the_near_is_small_and_nothing_is_far(tmp_path: Path, dtype: type) -> None:
    """1, 2 and 4 of any unit: 1 / distance is 1, 0.5 and 0.25."""
    found = read_depth_file(saved(tmp_path, np.array([[10, 20, 40, 0]], dtype)), PHOTO, "metres")
    assert [found[0, x] for x in (0, 25, 45, 79)] == [1.0, pytest.approx(1 / 3), 0.0, 0.0]


@pytest.mark.parametrize("unit", ["inverse", "metres"])
@pytest.mark.parametrize("name", ["map.png", "map.jpg"])
def test_a_colour_map_is_refused(tmp_path: Path, unit: str, name: str) -> None:
    ramp = np.linspace(0.0, 1.0, 80)
    jet = [np.clip(1.5 - np.abs(4.0 * ramp - middle), 0.0, 1.0) for middle in (3.0, 2.0, 1.0)]
    path = tmp_path / name
    Image.fromarray(np.repeat((np.stack(jet, -1) * 255.0).astype(np.uint8)[None], 60, 0)).save(path)
    with pytest.raises(ValueError, match=r"is in colours, expected shades of grey"):
        read_depth_file(path, PHOTO, unit)


def test_grey_in_a_jpeg_of_colours_is_grey(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 80).astype(np.uint8)[None, :, None], 60, 0).repeat(3, 2)
    path = tmp_path / "grey.jpg"
    Image.fromarray(ramp).save(path, quality=60)
    found = read_depth_file(path, PHOTO, "inverse")
    np.testing.assert_allclose(found[30], ramp[30, :, 0] / 255.0, atol=0.05)


@pytest.mark.parametrize(
    ("values", "unit", "sentence"),
    [
        (np.zeros((1, 1), np.uint16), "inverse", "is the same everywhere"),
        (np.zeros((1, 1), np.uint8), "metres", "has no distance above 0"),
        (np.full((1, 1), 7, np.uint8), "metres", "is the same everywhere"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path: Path, values: np.ndarray, unit: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_depth_file(saved(tmp_path, values), PHOTO, unit)


def test_other_proportions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "square.png"
    Image.fromarray(np.zeros((60, 60), np.uint8)).save(path)
    with pytest.raises(ValueError, match="must have the proportions of the photograph, 80x60, got 60x60"):
        read_depth_file(path, PHOTO, "inverse")
