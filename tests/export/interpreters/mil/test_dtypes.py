"""Stored types, bit fields and fp16 rounding, in numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from export.interpreters.half_precision import round_to_fp16
from export.interpreters.mil.dtypes import decode, to_tensor, unpack_bits


def test_two_bit_fields_fill_from_the_low_end() -> None:
    # 0b01101100: from the low end 00, 11, 10, 01; then 11 from the next byte.
    packed = np.array([0b01101100, 0b00000011], np.uint8)
    assert unpack_bits(packed, 2, 5).tolist() == [0, 3, 2, 1, 3]


def test_six_bit_fields_cross_byte_borders() -> None:
    # 63, 0 and 33 in six bits each, low end first: 111111 | 000000 | 100001.
    packed = np.array([0b00111111, 0b00010000, 0b00000010], np.uint8)
    assert unpack_bits(packed, 6, 3).tolist() == [63, 0, 33]


def test_four_bit_integers_are_signed() -> None:
    assert decode(b"\x7f\x08", "INT4", 3).tolist() == [-1, 7, -8]


def test_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="element type BFLOAT16 is not one that can be read"):
        decode(b"\0\0", "BFLOAT16", 1)


@pytest.mark.parametrize(
    ("stored", "computed"),
    [(np.float16, torch.float32), (np.uint8, torch.int64), (np.uint32, torch.int64), (np.bool_, torch.bool)],
)
def test_four_types_are_computed_in(stored: type, computed: torch.dtype) -> None:
    assert to_tensor(np.ones(2, stored), (2,)).dtype == computed


def test_fp16_rounding() -> None:
    # 11 bits of precision: 2049 lies between 2048 and 2050 and goes to the even one; 65520 overflows first.
    values = torch.tensor([2049.0, 2051.0, 65519.0, 65520.0, 2e-8])
    assert round_to_fp16(values).tolist() == [2048.0, 2052.0, 65504.0, float("inf"), 0.0]
