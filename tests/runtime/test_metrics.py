from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from runtime.metrics import mae, psnr_db

RNG = np.random.default_rng(0)


def test_a_constant_difference_gives_hand_numbers() -> None:
    a, b = np.full((16, 16, 3), 0.5), np.full((16, 16, 3), 0.6)
    assert mae(a, b) == pytest.approx(0.1)
    assert psnr_db(a, b) == pytest.approx(20.0)  # 10 log10(1 / 0.01)


def test_equal_pictures() -> None:
    a = RNG.random((16, 20, 3)).astype(np.float32)
    assert mae(a, a) == 0.0
    assert psnr_db(a, a) == math.inf


@pytest.mark.parametrize("metric", [mae, psnr_db])
def test_shapes_must_agree(metric: Callable[[np.ndarray, np.ndarray], float]) -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(12, 12\) and \(12, 13\)"):
        metric(np.zeros((12, 12)), np.zeros((12, 13)))
