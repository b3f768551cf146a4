import dataclasses

import cv2
import numpy as np
import pytest

from train.config import MisalignConfig, SceneConfig
from train.data.misalign import misalign
from train.data.photos import dead_leaves, load_photos, sharp_crop, sharpness
from train.data.scenes import (
    composite,
    layer_masks,
    layer_sigmas,
    psf_kernel,
    render_scene,
    sigma_of_kernel,
    to_linear,
    to_srgb,
)

CONFIG = SceneConfig(size_px=64)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_srgb_round_trip_and_a_known_value() -> None:
    values = np.linspace(0, 1, 50, dtype=np.float32).reshape(5, 10, 1)
    np.testing.assert_allclose(to_srgb(to_linear(values)), values, atol=1e-5)
    assert float(to_linear(np.float32([[[0.5]]]))[0, 0, 0]) == pytest.approx(0.2140, abs=1e-4)


@pytest.mark.parametrize("kind", ["gaussian", "disc"])
def test_psf_kernels_are_normalised_and_wide_as_asked(kind: str) -> None:
    for sigma_px in (1.0, 2.5, 5.0):
        kernel = psf_kernel(kind, sigma_px)  # type: ignore[arg-type]
        assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
        assert sigma_of_kernel(kernel) == pytest.approx(sigma_px, rel=0.09)
    assert psf_kernel(kind, 0.1).shape == (1, 1)  # type: ignore[arg-type]


def test_sigma_of_a_hand_made_kernel() -> None:
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32) / 5
    assert sigma_of_kernel(plus) ** 2 == pytest.approx(0.4)


def test_a_scene_is_a_function_of_its_seed() -> None:
    first, again, other = (render_scene([], CONFIG, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.blurry, again.blurry)
    assert not np.array_equal(first.blurry, other.blurry)


def test_scenes_have_their_ranges() -> None:
    for seed in range(8):
        scene = render_scene([], CONFIG, rng(seed))
        assert scene.blurry.shape == scene.sharp.shape == (64, 64, 3)
        assert scene.sigma_px.shape == (64, 64)
        assert scene.blurry.min() >= 0
        assert scene.blurry.max() <= 1
        assert scene.sigma_px.min() >= 0
        assert scene.sigma_px.max() <= CONFIG.sigma_max_px * 1.1


def test_a_scene_in_focus_shows_the_sharp_picture() -> None:
    config = dataclasses.replace(CONFIG, sigma_max_px=0.5, sharp_share=0.0, noise_max=0.0)
    for seed in range(20):
        scene = render_scene([], config, rng(seed))
        if scene.sigma_px.max() == 0:
            np.testing.assert_allclose(scene.blurry, scene.sharp, atol=1e-4)
            break
    else:
        sigmas = layer_sigmas(dataclasses.replace(config, sharp_share=1.0), 3, rng(0))
        assert max(sigmas) <= 0.5


def test_a_blurred_foreground_spreads_over_a_sharp_background() -> None:
    linear = np.zeros((32, 32, 3), np.float32)
    linear[:, :16] = 1.0  # a bright foreground on the left, black behind
    masks = [np.ones((32, 32), np.float32), np.zeros((32, 32), np.float32)]
    masks[1][:, :16] = 1.0
    blurry, sigma_px = composite(linear, masks, [psf_kernel("gaussian", 0.0), psf_kernel("gaussian", 2.0)])
    assert blurry[16, 18, 0] > 0.05  # light of the foreground beyond its edge
    assert blurry[16, 30, 0] == pytest.approx(0.0, abs=1e-5)
    assert sigma_px[16, 5] == pytest.approx(2.0, rel=0.01)
    assert sigma_px[16, 25] == 0.0


def test_a_sharp_foreground_is_not_touched_by_the_blur_behind() -> None:
    linear = np.full((32, 32, 3), 0.2, np.float32)
    linear[:, :16] = 0.9
    masks = [np.ones((32, 32), np.float32), np.zeros((32, 32), np.float32)]
    masks[1][:, :16] = 1.0
    blurry, _ = composite(linear, masks, [psf_kernel("disc", 3.0), psf_kernel("disc", 0.0)])
    np.testing.assert_allclose(blurry[:, :16], 0.9, atol=1e-5)


def test_layers_are_ordered_and_the_back_is_everywhere() -> None:
    masks = layer_masks(48, 3, rng())
    assert len(masks) == 3
    assert (masks[0] == 1).all()
    assert 0.1 < masks[1].mean() < 0.9


def test_dead_leaves_have_edges_and_stay_in_range() -> None:
    picture = dead_leaves(64, rng())
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert sharpness(picture) > 0.05


def test_crops_look_for_texture() -> None:
    photo = np.full((200, 200, 3), 0.5, np.float32)
    photo[:100, :100] = rng().uniform(size=(100, 100, 3))
    assert sharpness(sharp_crop(photo, 40, rng(1))) > 0.045
    assert sharp_crop(photo[:50, :60], 40, rng(1)).shape == (40, 40, 3)


def test_no_shift_means_no_change_and_a_shift_moves() -> None:
    picture = dead_leaves(64, rng())
    assert misalign(picture, MisalignConfig(shift_px=0.0), rng()) is picture
    moved = misalign(picture, MisalignConfig(shift_px=4.0), rng())
    assert moved.shape == picture.shape
    assert np.abs(moved - picture).mean() > 0.02


def test_folders_of_photographs(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="no folder of photographs at"):
        load_photos(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no photograph"):
        load_photos(tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 48, 3), np.uint8))
    photos = load_photos(tmp_path)
    assert [p.shape for p in photos] == [(40, 48, 3)]
    assert photos[0].dtype == np.float32
