from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from train.optics.light import decode, encode, encode_with_toe


def test_the_square_law_by_hand() -> None:
    codes = torch.tensor([-0.5, 0.0, 0.5, 1.0, 1.5])
    assert decode(codes).tolist() == [0.0, 0.0, 0.25, 1.0, 1.0]
    assert encode(torch.tensor([-0.25, 0.0, 0.25, 1.0, 4.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_and_tensors_agree_in_their_own_precision(dtype: type[np.float32] | type[np.float64]) -> None:
    codes: NDArray[Any] = np.random.default_rng(0).random(1000).astype(dtype)
    light = decode(codes)
    assert light.dtype == encode(light).dtype == dtype
    np.testing.assert_array_equal(light, decode(torch.from_numpy(codes)).numpy())
    np.testing.assert_array_equal(encode(light), encode(torch.from_numpy(light)).numpy())
    np.testing.assert_allclose(encode(light), codes, rtol=10 * float(np.finfo(dtype).eps))


def test_the_toe_bounds_the_gradient_in_the_dark() -> None:
    dark = torch.zeros(1, requires_grad=True)
    (gradient,) = torch.autograd.grad(encode_with_toe(dark), dark)
    assert float(gradient) == pytest.approx(0.5 / 1e-3**0.5)
