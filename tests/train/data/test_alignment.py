import cv2
import numpy as np
import pytest
import torch

from train.data.alignment import (
    batch_flow,
    blur_bank,
    fit_locally_affine,
    flow_between,
    gain_between,
    match_blur,
    move,
    move_finely,
    refine,
    trust_mask,
    warp,
)
from train.data.textures import dead_leaves

SIZE = 96


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return dead_leaves(SIZE, np.random.default_rng(3))


def constant_flow(x: float, y: float, size: int = 8) -> torch.Tensor:
    flow = torch.zeros(1, 2, size, size)
    flow[:, 0], flow[:, 1] = x, y
    return flow


def test_warp_by_whole_pixels_is_a_shift() -> None:
    image = torch.rand(1, 1, 8, 8)
    moved = warp(image, constant_flow(1, 2))
    torch.testing.assert_close(moved[..., :5, :6], image[..., 2:7, 1:7], atol=1e-5, rtol=0)


def test_no_flow_leaves_the_image() -> None:
    image = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(warp(image, constant_flow(0, 0).expand(2, -1, -1, -1)), image, atol=1e-5, rtol=0)


def test_flow_finds_a_known_shift(picture: np.ndarray) -> None:
    shifted = np.roll(picture, (2, 3), axis=(0, 1))  # shifted(p + (3, 2)) = picture(p)
    flow = flow_between(picture, shifted)[:, 16:-16, 16:-16]
    assert np.median(flow[0]) == pytest.approx(3.0, abs=0.2)
    assert np.median(flow[1]) == pytest.approx(2.0, abs=0.2)


def test_warping_by_the_flow_undoes_the_shift(picture: np.ndarray) -> None:
    a = torch.from_numpy(picture).permute(2, 0, 1)[None]
    b = torch.roll(a, (2, 3), (2, 3))
    inner = (..., slice(16, -16), slice(16, -16))
    before = float((b - a)[inner].abs().mean())
    after = float((warp(b, batch_flow(a, b)) - a)[inner].abs().mean())
    assert after < 0.25 * before


def test_consistent_flow_is_trusted_and_contradicting_flow_is_not() -> None:
    there, back = constant_flow(1, 0), constant_flow(-1, 0)
    mask = trust_mask(there, back, consistency_px=1.0)
    assert mask[0, 0, :, :7].all()
    assert not mask[0, 0, :, 7].any()  # leaves the picture on the right
    assert not trust_mask(there, constant_flow(1, 0), consistency_px=1.0).any()


def test_moving_by_whole_pixels_is_a_shift(picture: np.ndarray) -> None:
    flow = np.zeros((2, SIZE, SIZE), np.float32)
    flow[0], flow[1] = 1, 2
    np.testing.assert_allclose(move(picture, flow)[8:-8, 8:-8], picture[10:-6, 9:-7], atol=1e-5)


def test_a_locally_affine_fit_leaves_an_affine_flow_as_it_is() -> None:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    flow = np.stack([1 + 0.01 * x - 0.02 * y, -2 + 0.015 * y])
    fitted = fit_locally_affine(flow, np.ones((SIZE, SIZE), np.float32))
    assert np.abs(fitted - flow)[:, 8:-8, 8:-8].max() < 0.05


def test_a_fit_believes_where_the_confidence_is() -> None:
    flow = np.full((2, SIZE, SIZE), 2.0, np.float32)
    confidence = np.ones((SIZE, SIZE), np.float32)
    flow[:, 40:60, 40:60], confidence[40:60, 40:60] = 30.0, 0.0
    assert np.abs(fit_locally_affine(flow, confidence) - 2.0).max() < 0.01


def test_blur_is_matched_where_it_is(picture: np.ndarray) -> None:
    bank = blur_bank(picture)
    blurry = picture.copy()
    blurry[:, 48:] = bank[4][:, 48:]  # sharp on the left, sigma 2 px on the right
    matched = match_blur(blurry, bank, np.zeros((2, SIZE, SIZE), np.float32))
    away = np.r_[0:36, 60:96]
    np.testing.assert_allclose(matched[:, away], blurry[:, away], atol=1e-5)


def test_the_gain_is_found_in_each_channel(picture: np.ndarray) -> None:
    factor = np.array([1.05, 1.0, 0.96], np.float32)
    np.testing.assert_allclose(gain_between(picture * factor, picture), factor, rtol=1e-4)


def test_matching_blur_finds_a_displacement_that_flow_alone_gets_wrong() -> None:
    """Under a blur of 4 px, with a displacement that varies: the moved picture comes much closer to the truth."""
    size = 160
    sharp = dead_leaves(size, np.random.default_rng(7))
    blurry = np.sqrt(cv2.GaussianBlur(sharp * sharp, (0, 0), 4.0))
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    away = np.stack([2.0 + 0.012 * (y - 80), -3.0 + 0.01 * (x - 80)])
    second = move(sharp, away)  # second(p) = sharp(p + away), so sharp(p) is close to second(p - away)
    flow = flow_between(blurry, second)
    refined = refine(blurry, second, flow)
    inner = np.s_[20:-20, 20:-20]

    def mean_error_px(found: np.ndarray) -> float:
        return float(np.hypot(*(found + away))[inner].mean())

    assert mean_error_px(refined.flow) < 0.4
    assert mean_error_px(refined.flow) < 0.5 * mean_error_px(flow)
    by_flow = move(second, flow)
    assert np.abs(refined.moved_sharp - sharp)[inner].mean() < 0.5 * np.abs(by_flow - sharp)[inner].mean()


def test_what_is_in_one_picture_only_is_not_trusted(picture: np.ndarray) -> None:
    changed = picture.copy()
    changed[30:60, 30:60] = 1.0 - changed[30:60, 30:60]
    mask = refine(picture, changed, np.zeros((2, SIZE, SIZE), np.float32)).mask
    assert mask[38:52, 38:52].mean() < 0.2
    assert mask[66:90, 6:90].mean() > 0.9


def test_moving_finely_keeps_every_frequency() -> None:
    """A wave of 2.2 px, moved by half a pixel along both axes, keeps its height; Lanczos takes a good part of it."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)

    def wave(by: float) -> np.ndarray:
        grey = 0.5 + 0.2 * np.sin(2 * np.pi * (x + by) / 2.2) + 0.2 * np.sin(2 * np.pi * (y + by) / 2.2)
        return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)

    flow = np.full((2, SIZE, SIZE), 0.5, np.float32)
    inner = (slice(24, -24), slice(24, -24))
    finely, plainly = (np.abs(m(wave(0.0), flow) - wave(0.5))[inner].max() for m in (move_finely, move))
    assert finely < 0.03
    assert plainly > 0.05


def test_moving_finely_by_whole_pixels_is_a_shift(picture: np.ndarray) -> None:
    flow = np.stack([np.full((SIZE, SIZE), 3.0), np.full((SIZE, SIZE), -2.0)]).astype(np.float32)
    moved = move_finely(picture, flow)
    np.testing.assert_allclose(moved[8:-8, 8:-8], picture[6:-10, 11:-5], atol=1e-5)
