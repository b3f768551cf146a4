from __future__ import annotations

import numpy as np
import pytest

from runtime.refocusing.autofocus import automatic_focus
from runtime.system.arrays import FloatArray


def picture_with_detail_at(*places: tuple[int, int]) -> FloatArray:
    """160 x 320, flat but for chequers of 32 px whose corner is at (y, x)."""
    picture = np.full((160, 320, 3), 0.5, np.float32)
    chequers = (np.indices((32, 32)).sum(0) // 4 % 2).astype(np.float32)[..., None]
    for y, x in places:
        picture[y : y + 32, x : x + 32] = chequers
    return picture


def test_where_the_detail_is() -> None:
    x, y = automatic_focus(picture_with_detail_at((32, 192)), np.zeros((160, 320), np.float32))
    assert (x, y) == pytest.approx((208 / 320, 48 / 160), abs=0.1)


def test_of_two_the_one_near_the_centre() -> None:
    x, _ = automatic_focus(picture_with_detail_at((64, 0), (64, 176)), np.zeros((160, 320), np.float32))
    assert x > 0.5


def test_of_two_the_sharper() -> None:
    sigma_px = np.zeros((160, 320), np.float32)
    sigma_px[:, 160:] = 3.0
    x, _ = automatic_focus(picture_with_detail_at((64, 96), (64, 192)), sigma_px)
    assert x < 0.5


def test_nothing_to_be_seen_is_the_centre() -> None:
    flat = np.full((96, 160, 3), 0.5, np.float32)
    assert automatic_focus(flat, np.zeros((96, 160), np.float32)) == pytest.approx((0.5, 0.5), abs=0.1)
