import dataclasses

import numpy as np
import pytest
import torch

from train.config import RunConfig, SceneConfig
from train.data.second_shot import draw_move
from train.data.synthetic_pairs import MOVE_STREAM, SyntheticSource, aligned_scenes, blur_uniform, uniform_crops
from train.presets import smoke

SCENES = SceneConfig(size_px=64, dead_leaves_count=2)


def config(shift_px: float = 2.0) -> RunConfig:
    base = smoke()
    fit = dataclasses.replace(base.fit, crop_px=64)
    return dataclasses.replace(
        base, scenes=SCENES, fit=fit, misalign=dataclasses.replace(base.misalign, shift_px=shift_px)
    )


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (200, 220, 3), dtype=np.uint8)


def test_pairs_are_a_function_of_their_index_bit_for_bit() -> None:
    all_at_once = SyntheticSource([], config()).pairs(5, 4)
    later = SyntheticSource([], config())
    one_by_one = [later.pairs(index, 1) for index in (8, 7)]
    for part, last, third in zip(all_at_once, *one_by_one, strict=True):
        assert torch.equal(part[3:4], last)
        assert torch.equal(part[2:3], third)
    assert all_at_once.blurry.shape == all_at_once.sharp.shape == (4, 3, 64, 64)
    assert all_at_once.flow_to_sharp.shape == all_at_once.flow_to_blurry.shape == (4, 2, 64, 64)


def test_without_a_shift_pairs_are_aligned_and_scenes_stay_the_same() -> None:
    aligned, moved = (SyntheticSource([], config(shift_px)).pairs(0, 2) for shift_px in (0.0, 3.0))
    assert torch.equal(aligned.blurry, moved.blurry)
    assert not torch.equal(aligned.sharp, moved.sharp)
    held_out = aligned_scenes([], SCENES, config().fit.seed, 2)
    assert torch.equal(held_out[0], aligned.blurry)
    assert torch.equal(held_out[1], aligned.sharp)
    assert held_out[2].shape == (2, 1, 64, 64)


def test_flow_follows_the_convention() -> None:
    """blurry(p) shows what sharp(p + flow(p)) shows; a second shot that sees the scene at p + d has flow -d."""
    plain = dataclasses.replace(
        config().misalign, rotation_rad=0.0, scale=0.0, wobble_px=0.0, parallax_px=0.0, shift_px=4.0
    )
    sharp_scenes = dataclasses.replace(SCENES, sharp_share=1.0, noise_max=0.0, jpeg_share=0.0)
    source = SyntheticSource([], dataclasses.replace(config(), scenes=sharp_scenes, misalign=plain))
    pairs = source.pairs(0, 1)
    move = draw_move(plain, np.random.default_rng((source.config.fit.seed, MOVE_STREAM, 0)))
    found = pairs.flow_to_sharp[0, :, 12:-12, 12:-12].flatten(1).median(1).values
    assert found.tolist() == pytest.approx([-s for s in move.shift_px], abs=0.3)


def test_photographs_are_used(photo: np.ndarray) -> None:
    config_of_photos = dataclasses.replace(SCENES, dead_leaves_share=0.0)
    blurry, sharp, sigma_px = aligned_scenes([photo], config_of_photos, 1, 2)
    assert blurry.shape == sharp.shape == (2, 3, 64, 64)
    assert torch.isfinite(sigma_px).all()


def test_uniform_crops_and_their_blur(photo: np.ndarray) -> None:
    crops = uniform_crops([photo], 48, 3, seed=0)
    assert crops.shape == (3, 3, 48, 48)
    assert torch.equal(crops, uniform_crops([photo], 48, 3, seed=0))
    assert not torch.equal(crops[0], crops[1])
    for kind in ("disc", "polygon", "gaussian"):
        blurry, true_px = blur_uniform(crops, kind, 2.0)
        assert blurry.shape == crops.shape
        assert true_px == pytest.approx(2.0, rel=0.02)
        assert float(blurry.std()) < 0.5 * float(crops.std())
    untouched, true_px = blur_uniform(crops, "disc", 0.0)
    torch.testing.assert_close(untouched, crops, atol=1.1 / 255, rtol=0)
    assert true_px == 0.0
    noisy, _ = blur_uniform(crops, "disc", 2.0, noise=0.02)
    assert 0.01 < float((noisy - blur_uniform(crops, "disc", 2.0)[0]).std()) < 0.04


@pytest.mark.gpu
def test_scenes_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("not run: needs a CUDA device")
    on_gpu, on_cpu = (aligned_scenes([], SCENES, 0, 3, device) for device in ("cuda", "cpu"))
    torch.testing.assert_close(on_gpu[1].cpu(), on_cpu[1], atol=1.1 / 255, rtol=0)
    torch.testing.assert_close(on_gpu[2].cpu(), on_cpu[2], atol=1e-3, rtol=1e-3)


def test_scenes_without_colour_have_none_in_either_picture() -> None:
    scenes = dataclasses.replace(SCENES, grey_share=1.0, night_share=1.0, highlight_share=1.0)
    pairs = SyntheticSource([], dataclasses.replace(config(), scenes=scenes)).pairs(0, 3)
    for picture in (pairs.blurry, pairs.sharp):
        assert torch.equal(picture[:, :1].expand_as(picture), picture)
