import numpy as np
import pytest
import torch
import torch.nn.functional as F

from train.config import MisalignConfig
from train.data.second_shot import Move, draw_move, second_shot, source_positions
from train.data.srgb import srgb_of
from train.data.textures import dead_leaves

CANVAS, VIEW = 96, 48
STILL = Move(
    rotation_rad=0.0,
    scale=1.0,
    shift_px=(0.0, 0.0),
    wobble_px=np.zeros((2, 8, 8), np.float32),
    parallax_px=(0.0, 0.0),
    gains=(1.0, 1.0, 1.0),
)


def one_layer(light: torch.Tensor) -> torch.Tensor:
    """(3, H, H) light as the stack (1, 1, 4, H, H) of a single layer."""
    return torch.cat([light, torch.ones_like(light[:1])])[None, None]


def shot(stack: torch.Tensor, move: Move, depths: tuple[float, ...] = (0.0,)) -> torch.Tensor:
    return second_shot(stack, [np.array(depths, np.float32)], [move], VIEW)[0]


def fourfold() -> torch.Tensor:
    """(3, 384, 384) light at four times the resolution of the camera."""
    return torch.from_numpy(dead_leaves(4 * CANVAS, np.random.default_rng(0), 1500).transpose(2, 0, 1).copy())


def view(picture: torch.Tensor) -> torch.Tensor:
    start = (picture.shape[-1] - VIEW) // 2
    return picture[..., start : start + VIEW, start : start + VIEW]


def psnr_db(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


def test_without_a_move_it_is_the_first_shot() -> None:
    light = F.avg_pool2d(fourfold(), 2)
    expected = view(srgb_of(F.avg_pool2d(light, 2)))
    torch.testing.assert_close(shot(one_layer(light), STILL), expected, atol=0.6 / 255, rtol=0)


@pytest.mark.parametrize("quarters", [(1, 0), (1, 3), (6, -5)])
def test_a_second_shot_is_as_sharp_as_a_real_one(quarters: tuple[int, int]) -> None:
    """Shifts of quarter pixels, against the true second shot; bicubic at the camera's resolution is 7 dB worse."""
    scene = fourfold()
    across, down = quarters
    truth = view(srgb_of(F.avg_pool2d(torch.roll(scene, (-down, -across), (1, 2)), 4)))
    made = shot(one_layer(F.avg_pool2d(scene, 2)), STILL._replace(shift_px=(across / 4, down / 4)))
    start = (CANVAS - VIEW) / 2
    positions = source_positions([STILL._replace(shift_px=(across / 4, down / 4))], VIEW, "cpu") + start
    plain = F.grid_sample(
        srgb_of(F.avg_pool2d(scene, 4))[None], positions * (2 / (CANVAS - 1)) - 1, mode="bicubic", align_corners=True
    )[0]
    assert psnr_db(made, truth) > psnr_db(plain, truth) + 5
    assert float(made.std() / truth.std()) == pytest.approx(1.0, abs=0.01)


def test_positions_by_hand() -> None:
    centre = (VIEW - 1) / 2
    positions = source_positions([STILL._replace(scale=1.1, shift_px=(2.0, -1.0))], VIEW, "cpu")[0]
    assert positions[0, 0].tolist() == pytest.approx([centre - 1.1 * centre + 2, centre - 1.1 * centre - 1], abs=1e-4)
    turned = source_positions([STILL._replace(rotation_rad=np.pi / 2)], VIEW, "cpu")[0]
    assert turned[0, VIEW - 1].tolist() == pytest.approx([VIEW - 1, VIEW - 1], abs=1e-4)  # right of top left: down


def test_near_layers_move_over_far_ones() -> None:
    side = 2 * CANVAS
    stack = torch.zeros(1, 2, 4, side, side)
    stack[0, 0, 2:] = 1.0  # blue behind
    stack[0, 1, [0, 3], :, : side // 2] = 1.0  # a red left half in front
    move = STILL._replace(parallax_px=(3.0, 0.0))
    still, moved = shot(stack, STILL, (0.0, 1.0)), shot(stack, move, (0.0, 1.0))
    assert int((still[0, 10] == 1).sum()) == VIEW // 2
    assert int((moved[0, 10] == 1).sum()) == VIEW // 2 - 3
    assert torch.equal(moved[0] + moved[2], torch.ones(VIEW, VIEW))  # what the red half hid is blue
    assert torch.equal(shot(stack, move, (0.0, 0.0)), still)


def test_exposure_and_white_balance_are_factors_on_light() -> None:
    grey = torch.full((3, 2 * CANVAS, 2 * CANVAS), 0.2)
    made = shot(one_layer(grey), STILL._replace(gains=(1.1, 1.0, 0.9)))
    expected = srgb_of(torch.tensor([0.22, 0.2, 0.18]))
    torch.testing.assert_close(made[:, 0, 0], expected, atol=0.51 / 255, rtol=0)


def test_draws_keep_to_their_bounds() -> None:
    config = MisalignConfig(shift_px=3.0, parallax_px=1.0)
    moves = [draw_move(config, np.random.default_rng(seed)) for seed in range(50)]
    assert max(abs(s) for m in moves for s in m.shift_px) <= 3
    assert max(np.hypot(*m.parallax_px) for m in moves) <= 1
    assert max(abs(m.rotation_rad) for m in moves) <= config.rotation_rad
    assert all(abs(m.scale - 1) <= config.scale for m in moves)
    assert all(abs(m.gains[1] - 1) <= config.gain for m in moves)
    assert max(abs(s) for m in moves for s in m.shift_px) > 2.5
