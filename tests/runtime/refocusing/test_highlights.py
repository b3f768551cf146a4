from __future__ import annotations

import numpy as np
import pytest

from runtime.refocusing.highlights import LARGEST_LIGHT, recovered


def test_a_lamp_gets_brighter_within_its_bound() -> None:
    night = np.full((512, 640, 3), 0.1, np.float32)
    night[60:65, 80:85] = 1.0
    found = recovered(night)
    assert found[62, 82, 0] ** 2 == pytest.approx(LARGEST_LIGHT, rel=0.2)
    assert found.max() <= np.sqrt(LARGEST_LIGHT)
    np.testing.assert_array_equal(found[:50], night[:50])


def test_a_white_wall_is_no_lamp() -> None:
    wall = np.full((128, 160, 3), 0.3, np.float32)
    wall[:, 60:] = 1.0
    assert recovered(wall)[64, 120:].max() == pytest.approx(1.0)


def test_a_red_surface_is_no_lamp_though_one_channel_is_full() -> None:
    red = np.zeros((64, 64, 3), np.float32)
    red[30:33, 30:33, 0] = 1.0
    assert recovered(red) is red
