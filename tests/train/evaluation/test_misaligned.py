import cv2
import numpy as np
import pytest

from train.data.photos import Picture
from train.data.srgb import to_linear, to_srgb
from train.data.textures import dead_leaves
from train.evaluation.global_alignment import align_truth, exposure_gains, find_homography, largest_corner_move
from train.evaluation.misaligned import measure, shift_of

SIDE = 224
HOMOGRAPHY = np.array([[1.01, 0.004, 3.0], [-0.004, 1.01, -2.0], [1e-5, 0.0, 1.0]], np.float32)
GAINS = np.array([0.9, 1.0, 1.1], np.float32)


@pytest.fixture(scope="module")
def truth() -> Picture:
    return (0.1 + 0.7 * dead_leaves(SIDE, np.random.default_rng(3), grain=0.0)).astype(np.float32)


@pytest.fixture(scope="module")
def blurry(truth: Picture) -> Picture:
    """What another shot, otherwise exposed and out of focus, shows of ``truth``."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(truth, HOMOGRAPHY, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    linear = cv2.GaussianBlur(to_linear(np.clip(moved, 0, 1)) * GAINS, (0, 0), 1.5)
    return to_srgb(np.asarray(linear, np.float32))


def sharpened(blurry: Picture) -> Picture:
    """A plausible output: an unsharp mask moves nothing."""
    return np.clip(blurry + 0.8 * (blurry - cv2.GaussianBlur(blurry, (0, 0), 1.5)), 0, 1).astype(np.float32)


def shifted(picture: Picture, x_px: int) -> Picture:
    return np.roll(picture, x_px, axis=1)


def test_the_homography_is_found_through_blur_and_exposure(truth: Picture, blurry: Picture) -> None:
    found = find_homography(blurry, truth)
    corners = np.array([[20, 20, 1], [200, 20, 1], [20, 200, 1], [200, 200, 1]], np.float64).T
    wanted_xy, found_xy = (h[:2] / h[2] for h in (HOMOGRAPHY @ corners, found @ corners))
    assert np.abs(wanted_xy - found_xy).max() < 0.3


def test_the_truth_is_moved_exposed_and_masked(truth: Picture, blurry: Picture) -> None:
    aligned = align_truth(truth, blurry)
    assert aligned.gains == pytest.approx(tuple(GAINS), abs=0.01)
    # The right edge of the blurry picture shows what lies beyond the truth's.
    assert aligned.mask[SIDE // 2, SIDE // 2]
    assert not aligned.mask[:, -5:].any()
    assert 0.8 < aligned.mask.mean() < 0.99


def test_exposure_is_the_ratio_of_the_means_in_linear_light() -> None:
    light = np.full((8, 8, 3), 0.2, np.float32)
    everywhere = np.ones((8, 8), bool)
    found = exposure_gains(to_srgb(light), to_srgb(light * GAINS), everywhere)
    assert found == pytest.approx(tuple(GAINS), abs=1e-3)
    assert exposure_gains(np.ones((8, 8, 3), np.float32), to_srgb(light), everywhere) == (1.0, 1.0, 1.0)


def test_pictures_of_different_things_are_not_aligned(truth: Picture) -> None:
    other = dead_leaves(SIDE, np.random.default_rng(8))
    with pytest.raises(ValueError, match="no global alignment found"):
        align_truth(other, truth)
    with pytest.raises(ValueError, match=r"one size, got \(224, 224\) and \(100, 224\)"):
        find_homography(truth, truth[:100])


def test_the_corner_that_moves_most() -> None:
    shift = np.array([[1, 0, 3], [0, 1, 4], [0, 0, 1]], np.float32)
    assert largest_corner_move(shift, 300, 400) == pytest.approx(0.01)


def test_alignment_shows_what_misalignment_hides(truth: Picture, blurry: Picture) -> None:
    result = measure(blurry, sharpened(blurry), truth)
    assert result.aligned is not None
    assert result.aligned.input.psnr_db > result.plain.input.psnr_db + 3
    assert result.aligned.output.psnr_db > result.aligned.input.psnr_db + 0.3


def test_a_shifted_output_is_found_out(truth: Picture, blurry: Picture) -> None:
    """By flow onto the output, as published, it goes almost unpunished; by the one warp of the input it does not."""
    straight, moved = (measure(blurry, out, truth) for out in (sharpened(blurry), shifted(sharpened(blurry), 2)))
    assert straight.aligned is not None
    assert moved.aligned is not None
    assert straight.shift is not None
    assert moved.shift is not None
    assert moved.aligned.output.psnr_db < straight.aligned.output.psnr_db - 2
    assert moved.by_flow.output.psnr_db > straight.by_flow.output.psnr_db - 1
    assert straight.shift.p95_px < 0.3
    assert moved.shift.median_px == pytest.approx(2.0, abs=0.1)
    assert moved.shift.mean_px == pytest.approx(2.0, abs=0.3)


def test_a_pair_that_cannot_be_aligned_says_why(truth: Picture) -> None:
    other = dead_leaves(SIDE, np.random.default_rng(8))
    result = measure(truth, truth, other)
    assert result.aligned is None
    assert result.reason is not None
    assert "no global alignment found" in result.reason
    assert result.truth_to_show(other) is other


def test_without_texture_there_is_no_shift_to_measure() -> None:
    flat = np.full((32, 32, 3), 0.5, np.float32)
    assert shift_of(flat, flat) is None
