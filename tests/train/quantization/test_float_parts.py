from __future__ import annotations

import pytest

from train.quantization.float_parts import NetworkPlace, float_positions
from train.quantization.settings import RANGES, Int8Settings, percentile_of

# 0 join | 1 conv, 2 relu, 3 conv, 4 head | 5 sigmoid, 6 join | 7 conv, 8 conv, 9 head | 10 add
FIRST = NetworkPlace(start=0, conv_ends=(3, 4), head=4, end=5)
SECOND = NetworkPlace(start=7, conv_ends=(8, 9), head=9, end=10)


@pytest.mark.parametrize(
    ("first_convs", "head", "expected"),
    [
        ((0, 0), False, [5, 6, 10]),
        ((), False, [5, 6, 10]),
        ((1, 0), False, [0, 1, 2, 5, 6, 10]),
        ((0, 2), False, [5, 6, 7, 8, 10]),
        ((0, 0), True, [4, 5, 6, 9, 10]),
    ],
)
def test_what_stays_float(first_convs: tuple[int, ...], head: bool, expected: list[int]) -> None:
    assert float_positions(11, [FIRST, SECOND], first_convs, head) == expected


def test_a_graph_without_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a U-Net"):
        float_positions(3, [], (0,))


def test_more_convolutions_than_there_are_cannot_stay_float() -> None:
    with pytest.raises(ValueError, match="3 convolutions should stay float, but network 0 has 2"):
        float_positions(11, [FIRST], (3,))


def test_percentiles_are_read_from_the_name() -> None:
    assert [percentile_of(name) for name in RANGES] == [
        None,
        None,
        pytest.approx(0.9999),
        pytest.approx(0.999),
        None,
        None,
    ]


def test_unknown_ranges_list_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="min-max, moving-average"):
        Int8Settings(ranges="guess")
