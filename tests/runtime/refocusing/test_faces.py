"""Faces, by OpenCV's detector: a stand-in for it everywhere, and the real one where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runtime.photos.photo import read_photo
from runtime.refocusing import faces
from runtime.refocusing.faces import CASCADE, find_face

PORTRAIT = Path(__file__).parents[3] / "runtime" / "examples" / "astronaut.jpg"


def opencv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, boxes: list[tuple[int, int, int, int]]) -> list[Any]:
    """Stands in for OpenCV 4; returns the pictures that its detector is shown."""
    seen: list[Any] = []

    def detect(grey: np.ndarray, **_: object) -> list[tuple[int, int, int, int]]:
        seen.append(grey)
        return boxes

    (tmp_path / CASCADE).touch()
    cascade = SimpleNamespace(detectMultiScale=detect)
    stand_in = SimpleNamespace(data=SimpleNamespace(haarcascades=str(tmp_path)), CascadeClassifier=lambda path: cascade)
    monkeypatch.setitem(sys.modules, "cv2", stand_in)
    return seen


def test_the_largest_face_is_taken_in_parts_of_the_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = opencv(monkeypatch, tmp_path, [(0, 0, 50, 50), (256, 96, 128, 128)])
    assert find_face(np.full((768, 2048, 3), 0.5, np.float32)) == (320 / 1024, 160 / 384)
    assert seen[0].shape == (384, 1024)
    assert seen[0].dtype == np.uint8


def test_no_face_and_no_detector_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.float32)
    opencv(monkeypatch, tmp_path, [])
    assert find_face(picture) is None
    (tmp_path / CASCADE).unlink()
    assert find_face(picture) is None
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace())  # as OpenCV 5: no CascadeClassifier
    assert find_face(picture) is None
    monkeypatch.setitem(sys.modules, "cv2", None)  # not installed
    assert find_face(picture) is None


def test_the_astronaut_is_found() -> None:
    if faces._detector() is None:
        pytest.skip("the OpenCV installed has no face detector: OpenCV 4 has one")
    found = find_face(read_photo(PORTRAIT).rgb)
    assert found == pytest.approx((0.44, 0.22), abs=0.05)
