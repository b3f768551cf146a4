from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.data.photos import PhotoBank, Window, load_photo_bytes, load_photos, sharpness
from train.data.textures import LeafBank, dead_leaves


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_folders_of_photographs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder of photographs at"):
        load_photos(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no photograph"):
        load_photos(tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 48, 3), 51, np.uint8))
    (photo,), (codes,) = load_photos(tmp_path), load_photo_bytes(tmp_path)
    assert photo.shape == codes.shape == (40, 48, 3)
    assert photo.dtype == np.float32
    assert codes.dtype == np.uint8
    assert float(photo[0, 0, 0]) == pytest.approx(0.2)
    assert codes[0, 0, 0] == 51


def half_textured() -> np.ndarray:
    photo = np.full((320, 320, 3), 128, np.uint8)
    photo[:160, :160] = rng().integers(0, 256, (160, 160, 3))
    return photo


def test_windows_are_chosen_by_their_detail() -> None:
    bank = PhotoBank([half_textured()], "cpu")
    assert bank.score(Window(0, 0, 0, 128, False)) > 0.045
    assert bank.score(Window(0, 192, 192, 128, False)) == pytest.approx(0.0, abs=1e-6)
    chosen = [bank.choose(40, rng(seed), attempts=40) for seed in range(10)]
    assert all(bank.score(window) > 0.045 for window in chosen)
    assert all(1.4 * 40 - 1 <= window.side_px <= 2.6 * 40 for window in chosen)


def test_parts_that_are_out_of_focus_are_left_out() -> None:
    """Both halves have strong edges: bars of 24 px, sharp on the left, blurred by 6 px on the right."""
    bars = np.tile(np.repeat([40, 220], 24), 10)[:320].astype(np.uint8)
    photo = np.repeat(np.repeat(bars[None, :, None], 320, 0), 3, 2)
    photo[:, 160:] = cv2.GaussianBlur(photo, (0, 0), 6.0)[:, 160:]
    bank = PhotoBank([photo], "cpu")
    assert bank.score(Window(0, 0, 0, 144, False)) > 0.1
    assert bank.score(Window(0, 0, 176, 144, False)) == 0.0


def test_a_crop_shows_its_window() -> None:
    y, x = np.mgrid[0:200, 0:200]
    photo = np.stack([y, x, 0 * x], -1).astype(np.uint8)
    bank = PhotoBank([photo], "cpu")
    crop = bank.cut(Window(0, y=40, x=60, side_px=100, mirror=False), 50)
    assert crop.shape == (3, 50, 50)
    assert crop.dtype == torch.uint8
    assert crop[:2, 25, 25].tolist() == pytest.approx([40 + 50.5, 60 + 50.5], abs=1)
    mirrored = bank.cut(Window(0, y=40, x=60, side_px=100, mirror=True), 50)
    assert torch.equal(mirrored.flip(2), crop)


def test_floats_and_bytes_are_the_same_photograph_and_small_ones_are_enlarged() -> None:
    codes = half_textured()[:50, :60]
    from_bytes = PhotoBank([codes], "cpu")
    from_floats = PhotoBank([codes.astype(np.float32) / np.float32(255)], "cpu")
    assert torch.equal(from_bytes.pixels[0], from_floats.pixels[0])
    window = from_bytes.choose(80, rng())
    assert window.side_px == 50
    assert from_bytes.cut(window, 80).shape == (3, 80, 80)


def test_dead_leaves_have_edges_and_stay_in_range() -> None:
    picture = dead_leaves(64, rng())
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert sharpness(picture) > 0.05


def test_leaf_crops_are_turned_and_recoloured() -> None:
    bank = LeafBank(32, 2, seed=(0,), device="cpu")
    plain = bank.choose(rng())._replace(mirror=False, transpose=False, channels=(0, 1, 2))
    crop = bank.cut(plain)
    assert crop.shape == (3, 32, 32)
    assert torch.equal(bank.cut(plain._replace(mirror=True)), crop.flip(2))
    assert torch.equal(bank.cut(plain._replace(transpose=True)), crop.transpose(1, 2))
    assert torch.equal(bank.cut(plain._replace(channels=(2, 0, 1))), crop[[2, 0, 1]])
    assert not torch.equal(LeafBank(32, 2, seed=(1,), device="cpu").pictures, bank.pictures)
