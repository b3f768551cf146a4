from __future__ import annotations

import pytest

from runtime.refocusing.working_size import check_long_side, working_size
from tests.runtime.refocusing.working_sizes import GRAPH_PX, LONG_SIDE_PX, WORKING_SIZES


@pytest.mark.parametrize(("photo_px", "expected_px"), WORKING_SIZES.items())
def test_one_call_takes_what_nearly_fits(photo_px: tuple[int, int], expected_px: tuple[int, int]) -> None:
    assert working_size(*photo_px, LONG_SIDE_PX, GRAPH_PX) == expected_px
    assert working_size(*photo_px[::-1], LONG_SIDE_PX, GRAPH_PX[::-1]) == expected_px[::-1], "lying as standing"


def test_without_a_graph_the_long_side_alone_decides() -> None:
    assert working_size(3000, 4000, 1024) == (768, 1024)
    assert working_size(3008, 4000, 1024) == (770, 1024)
    assert working_size(33, 40, 1024) == (33, 40)
    assert working_size(5000, 40, 1000) == (1000, 8)


@pytest.mark.parametrize("width", range(3980, 4102, 3))
def test_what_is_made_to_fit_does_fit(width: int) -> None:
    height, width = working_size(3072, width, LONG_SIDE_PX, GRAPH_PX)
    assert height <= GRAPH_PX[0]
    assert width <= GRAPH_PX[1]
    assert height == GRAPH_PX[0] or width == GRAPH_PX[1], "and no smaller than that"


def test_a_long_side_too_short_to_tell_anything_is_refused() -> None:
    check_long_side(32)
    with pytest.raises(ValueError, match="at least 32 px, got 31"):
        check_long_side(31)
