"""Ours beside theirs: focus and strength are found again where theirs was made by the same blur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.scoring.beside import beside, write
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

HEIGHT, WIDTH = 60, 80


def darker(sharp: FloatArray, target_px: FloatArray) -> FloatArray:
    """Stands in for a blur: says its sigma in grey."""
    return sharp * np.exp(-np.abs(target_px) / 2.0)[..., None]


def written(
    folder: Path, focus: float, strength: float, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> tuple[Path, Path, Path]:
    """A flat picture, a map of depth that falls from left to right, and what ``darker`` makes of both."""
    sharp = np.full((*size, 3), 0.8, np.float32)
    depth = np.broadcast_to(np.linspace(1.0, 0.0, size[1], dtype=np.float32), size)
    theirs = darker(sharp, strength * max(size) * (focus - depth))
    paths = folder / "sharp.png", folder / "depth.png", folder / "theirs.png"
    for path, picture in zip(paths, (sharp, depth, theirs), strict=True):
        Image.fromarray(np.rint(picture * 255.0).astype(np.uint8)).save(path)
    return paths


@pytest.mark.parametrize(("focus", "strength"), [(0.3, 0.016), (0.72, 0.04)])
def test_focus_and_strength_are_found(tmp_path: Path, focus: float, strength: float) -> None:
    found = beside(*written(tmp_path, focus, strength), darker)
    assert found.focus == pytest.approx(focus, abs=0.02)
    assert found.strength == pytest.approx(strength, rel=0.1)
    assert found.psnr_db > 40.0 > found.unblurred_db
    with Image.open(write(found, tmp_path / "out")) as picture:
        assert picture.size == (3 * WIDTH, HEIGHT)


def test_pictures_of_other_proportions_are_one_sentence(tmp_path: Path) -> None:
    sharp, depth, theirs = written(tmp_path, 0.3, 0.016)
    Image.new("RGB", (HEIGHT, WIDTH)).save(theirs)
    with pytest.raises(ReblurError, match="must have the proportions of"):
        beside(sharp, depth, theirs, darker)
