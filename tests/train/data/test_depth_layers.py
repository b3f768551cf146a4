import numpy as np
import pytest
import torch

from train.data.depth_layers import Outline, coverage, draw_outline, front_most, lay_over
from train.data.smooth_noise import padded_grid, smooth_fields
from train.data.textures import smooth_field

FLAT = padded_grid(np.zeros((3, 3)))


def straight(rim_px: float, cover: float = 0.5) -> Outline:
    """A layer that covers the right half."""
    return Outline(FLAT, 3, tilt_x=1.0, tilt_y=0.0, cover=cover, rim_px=rim_px)


def test_fields_are_what_opencv_enlarges() -> None:
    noise = np.random.default_rng(0).standard_normal((5, 5))
    fields = smooth_fields(padded_grid(noise)[None], [5], 48, "cpu")
    expected = smooth_field(48, 5, np.random.default_rng(0))
    np.testing.assert_allclose(fields.values[0].numpy(), expected, atol=1e-5)
    slope = np.gradient(expected)
    np.testing.assert_allclose(fields.slope_y[0].numpy(), slope[0], atol=1e-5)
    np.testing.assert_allclose(fields.slope_x[0].numpy(), slope[1], atol=1e-5)


@pytest.mark.parametrize("rim_px", [0.5, 4.0])
def test_a_rim_is_as_wide_as_asked(rim_px: float) -> None:
    cover = coverage([straight(rim_px)], 128, 2, "cpu")[0]
    between = (cover[64] > 0) & (cover[64] < 1)
    assert cover[64, 20] == 0
    assert cover[64, 110] == 1
    assert int(between.sum()) == pytest.approx(2 * rim_px, abs=1)  # two pixels to one of the scene
    assert torch.equal(cover[0], cover[127])


def test_a_layer_covers_the_share_asked_for() -> None:
    rng = np.random.default_rng(0)
    outlines = [draw_outline(rng, 3, soft_share=0.5) for _ in range(20)]
    covers = coverage(outlines, 192, 2, "cpu").mean((1, 2))
    np.testing.assert_allclose(covers.numpy(), [o.cover for o in outlines], atol=0.04)


def test_laying_over_by_hand() -> None:
    stack = torch.zeros(1, 3, 4, 1, 2)
    stack[0, 0] = torch.tensor([0.8, 0.8, 0.8, 1.0])[:, None, None]
    stack[0, 1] = torch.tensor([0.1, 0.1, 0.1, 0.5])[:, None, None]  # light 0.2, half covering
    stack[0, 1, :, :, 1] = 0.0  # nothing there
    torch.testing.assert_close(lay_over(stack)[0, 0, 0], torch.tensor([0.8 * 0.5 + 0.1, 0.8]))


def test_the_front_most_value_wins_where_it_covers_more_than_half() -> None:
    stack = torch.zeros(1, 2, 4, 1, 2)
    stack[0, 0, 3] = 1.0
    stack[0, 1, 3, 0] = torch.tensor([0.6, 0.4])
    assert front_most(torch.tensor([[2.0, 5.0]]), stack).flatten().tolist() == [5.0, 2.0]
