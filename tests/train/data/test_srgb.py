import numpy as np
import pytest
import torch

from train.data.srgb import linear_of, linear_table, round_to_8_bit, srgb_of, to_linear, to_srgb


def test_round_trip_and_a_known_value() -> None:
    codes = torch.linspace(0, 1, 50)
    torch.testing.assert_close(srgb_of(linear_of(codes)), codes, atol=1e-5, rtol=0)
    assert float(linear_of(torch.tensor(0.5))) == pytest.approx(0.2140, abs=1e-4)


def test_arrays_and_tensors_agree() -> None:
    values = np.linspace(0, 1, 101, dtype=np.float32)
    np.testing.assert_allclose(linear_of(torch.from_numpy(values)).numpy(), to_linear(values), atol=1e-6)
    np.testing.assert_allclose(srgb_of(torch.from_numpy(values)).numpy(), to_srgb(values), atol=1e-6)


def test_the_table_holds_every_code() -> None:
    table = linear_table("cpu")
    assert table.shape == (256,)
    torch.testing.assert_close(table[[0, 128, 255]], linear_of(torch.tensor([0.0, 128 / 255, 1.0])))


def test_rounding_to_8_bit_clips() -> None:
    rounded = round_to_8_bit(torch.tensor([-0.1, 0.4 / 255, 0.6 / 255, 1.2]))
    torch.testing.assert_close(rounded, torch.tensor([0.0, 0.0, 1 / 255, 1.0]))
