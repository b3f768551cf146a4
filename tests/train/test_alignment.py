import numpy as np
import pytest
import torch

from train.alignment import batch_flow, flow_between, trust_mask, warp
from train.data.photos import dead_leaves

SIZE = 96


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return dead_leaves(SIZE, np.random.default_rng(3))


def constant_flow(x: float, y: float, size: int = 8) -> torch.Tensor:
    flow = torch.zeros(1, 2, size, size)
    flow[:, 0], flow[:, 1] = x, y
    return flow


def test_warp_by_whole_pixels_is_a_shift() -> None:
    image = torch.rand(1, 1, 8, 8)
    moved = warp(image, constant_flow(1, 2))
    torch.testing.assert_close(moved[..., :5, :6], image[..., 2:7, 1:7], atol=1e-5, rtol=0)


def test_no_flow_leaves_the_image() -> None:
    image = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(warp(image, constant_flow(0, 0).expand(2, -1, -1, -1)), image, atol=1e-5, rtol=0)


def test_flow_finds_a_known_shift(picture: np.ndarray) -> None:
    shifted = np.roll(picture, (2, 3), axis=(0, 1))  # shifted(p + (3, 2)) = picture(p)
    flow = flow_between(picture, shifted)[:, 16:-16, 16:-16]
    assert np.median(flow[0]) == pytest.approx(3.0, abs=0.2)
    assert np.median(flow[1]) == pytest.approx(2.0, abs=0.2)


def test_warping_by_the_flow_undoes_the_shift(picture: np.ndarray) -> None:
    a = torch.from_numpy(picture).permute(2, 0, 1)[None]
    b = torch.roll(a, (2, 3), (2, 3))
    inner = (..., slice(16, -16), slice(16, -16))
    before = float((b - a)[inner].abs().mean())
    after = float((warp(b, batch_flow(a, b)) - a)[inner].abs().mean())
    assert after < 0.25 * before


def test_consistent_flow_is_trusted_and_contradicting_flow_is_not() -> None:
    there, back = constant_flow(1, 0), constant_flow(-1, 0)
    mask = trust_mask(there, back, consistency_px=1.0)
    assert mask[0, 0, :, :7].all()
    assert not mask[0, 0, :, 7].any()  # leaves the picture on the right
    assert not trust_mask(there, constant_flow(1, 0), consistency_px=1.0).any()
