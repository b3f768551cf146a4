from __future__ import annotations

import math

import numpy as np
import pytest

from runtime.refocusing.optics import check_tap, defocus_at, defocus_from_disparity, target_sigma_px

# Three vertical bands: the person (sharp), a wall (1 px), the far background (3 px).
BANDS = np.repeat(np.array([0.0, 1.0, 3.0], np.float32), 20)[None].repeat(40, axis=0)
PERSON, WALL, BACKGROUND = (0.1, 0.5), (0.5, 0.5), (0.9, 0.5)


def bands_of(target: np.ndarray) -> list[float]:
    return [float(target[20, column]) for column in (10, 30, 50)]


def test_at_the_reference_aperture_the_person_keeps_the_photographs_blur() -> None:
    assert bands_of(target_sigma_px(BANDS, PERSON, 2.0, 6.0)) == [0.0, 1.0, 3.0]


def test_focus_on_the_background_puts_the_person_in_front_by_the_difference() -> None:
    assert bands_of(target_sigma_px(BANDS, BACKGROUND, 2.0, 6.0)) == [-3.0, -2.0, 0.0]


def test_blur_grows_as_one_over_the_f_number() -> None:
    assert bands_of(target_sigma_px(BANDS, WALL, 1.0, 6.0)) == [-2.0, 0.0, 4.0]
    assert bands_of(target_sigma_px(BANDS, WALL, 4.0, 6.0)) == [-0.5, 0.0, 1.0]


def test_blur_is_cut_off_at_the_largest_sigma() -> None:
    assert bands_of(target_sigma_px(BANDS, PERSON, 0.5, 6.0)) == [0.0, 4.0, 6.0]
    assert bands_of(target_sigma_px(BANDS, BACKGROUND, 0.5, 6.0)) == [-6.0, -6.0, 0.0]


def test_a_signed_map_tells_front_from_behind() -> None:
    unsigned = BANDS.copy()
    unsigned[:, :20] = 1.0  # in front of the plane of focus and behind it: the same |defocus|
    signed = unsigned.copy()
    signed[:, :20] = -1.0
    assert bands_of(target_sigma_px(unsigned, WALL, 2.0, 6.0)) == [0.0, 0.0, 2.0]
    assert bands_of(target_sigma_px(signed, WALL, 2.0, 6.0)) == [-2.0, 0.0, 2.0]


def test_defocus_is_linear_in_disparity() -> None:
    # Points at 1 m, 2 m and infinity: disparity 1, 0.5, 0. Focused at 2 m, the other two are equally blurred.
    disparity = np.repeat(np.array([1.0, 0.5, 0.0], np.float32), 20)[None].repeat(40, axis=0)
    signed = defocus_from_disparity(disparity, 6.0)
    assert bands_of(signed) == [0.0, 3.0, 6.0]
    assert bands_of(target_sigma_px(signed, WALL, 2.0, 6.0)) == [-3.0, 0.0, 3.0]
    reverse = defocus_from_disparity(1.0 - disparity, 6.0)
    turned = [-value for value in bands_of(target_sigma_px(signed, PERSON, 2.0, 6.0))]
    assert bands_of(target_sigma_px(reverse, PERSON, 2.0, 6.0)) == turned, (
        "near for far: the same sigma, the other side"
    )


def test_an_outlier_at_the_tap_does_not_matter() -> None:
    noisy = BANDS.copy()
    noisy[20, 30] = 6.0
    assert defocus_at(noisy, (30.5 / 60, 20.5 / 40)) == 1.0


def test_a_tap_on_a_flat_cheek_means_the_eye_beside_it() -> None:
    estimated = np.full((40, 60), 2.5, np.float32)  # flat: the estimator can only guess
    estimated[18:22, 30] = 0.5
    confidence = np.full((40, 60), 1e-3, np.float32)
    confidence[18:22, 30] = 1.0
    assert defocus_at(estimated, (0.5, 0.5)) == 2.5
    assert defocus_at(estimated, (0.5, 0.5), confidence) == pytest.approx(0.5, abs=0.05)


def test_confidence_may_have_a_smaller_size() -> None:
    estimated = np.repeat(np.array([1.0, 3.0], np.float32), 32)[None].repeat(48, axis=0)
    confidence = np.ones((12, 16), np.float32)
    assert defocus_at(estimated, (0.1, 0.5), confidence) == pytest.approx(1.0)
    assert defocus_at(estimated, (0.9, 0.9), confidence) == pytest.approx(3.0)


def test_small_differences_are_none() -> None:
    """What is tapped stays as sharp as it is, though the estimate of it varies a little."""
    noisy = BANDS + np.tile(np.array([-0.07, 0.07], np.float32), 30)[None]
    target = target_sigma_px(noisy, PERSON, 1.0, 6.0)
    assert np.abs(target[:, :20]).max() == 0.0
    assert target[20, 50] == pytest.approx(6.0, abs=0.5)


@pytest.mark.parametrize(("corner", "value"), [((0.0, 0.0), 0.0), ((1.0, 1.0), 3.0), ((1.0, 0.0), 3.0)])
def test_corners_belong_to_the_picture(corner: tuple[float, float], value: float) -> None:
    assert defocus_at(BANDS, corner) == value


@pytest.mark.parametrize("focus", [(-0.01, 0.5), (0.5, 1.01), (math.nan, 0.5), (math.inf, 0.5)])
def test_focus_outside_the_picture(focus: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="focus must be x,y within the picture"):
        check_tap(focus, 2.0)


@pytest.mark.parametrize("f_number", [0.0, -1.4, math.nan, math.inf])
def test_impossible_apertures(f_number: float) -> None:
    with pytest.raises(ValueError, match="aperture must be an f-number above 0"):
        target_sigma_px(BANDS, PERSON, f_number, 6.0)
