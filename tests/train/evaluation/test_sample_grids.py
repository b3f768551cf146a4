import numpy as np
import pytest
import torch

from train.evaluation.sample_grids import CAPTION_PX, CROP_PX, FLOW_RANGE_PX, crops_grid, crops_of, flow_colours


def colour(x: float, y: float) -> list[int]:
    return flow_colours(torch.tensor([x, y]).view(1, 2, 1, 1))[0, 0, 0].tolist()


def test_flow_colours_by_hand() -> None:
    full = FLOW_RANGE_PX
    assert colour(0, 0) == [255, 255, 255]
    assert colour(full, 0) == [255, 0, 0]
    assert colour(-full, 0) == [0, 255, 255]
    assert colour(full / 2, 0) == [255, 128, 128]
    assert colour(100 * full, 0) == colour(full, 0)
    third = 2 * np.pi / 3
    assert colour(full * np.cos(third), full * np.sin(third)) == [0, 255, 0]
    assert colour(full * np.cos(2 * third), full * np.sin(2 * third)) == [0, 0, 255]


def test_the_crop_shown_is_the_most_detailed_one() -> None:
    truth = np.full((300, 600, 3), 0.5, np.float32)
    truth[20:40, 310:330] = np.random.default_rng(0).random((20, 20, 3), np.float32)
    sigma_px = torch.arange(600.0).expand(1, 1, 300, 600)
    crops = crops_of(truth * 0.5, truth, truth, sigma_px)
    assert crops.truth.shape == (CROP_PX, CROP_PX, 3)
    assert crops.truth.std(axis=(0, 1)).min() > 0.01
    np.testing.assert_allclose(crops.blurry, crops.output * 0.5)
    assert crops.sigma_px is not None
    left = int(crops.sigma_px[0, 0])
    np.testing.assert_array_equal(crops.truth, truth[:CROP_PX, left : left + CROP_PX])


@pytest.mark.parametrize(("channels", "columns"), [(1, 4), (35, 3)])
def test_crops_of_any_size_have_a_row_each(channels: int, columns: int) -> None:
    rows = []
    for height, width in ((300, 400), (100, 90)):
        black = np.zeros((height, width, 3), np.float32)
        rows.append(crops_of(black, black, black, torch.full((1, channels, height, width), 2.5)))
    grid = crops_grid(rows, sigma_max_px=5.0)
    assert grid.shape == (CAPTION_PX + 2 * CROP_PX, columns * CROP_PX, 3)
    first, second = grid[CAPTION_PX : CAPTION_PX + CROP_PX], grid[CAPTION_PX + CROP_PX :]
    assert not first[:, : 3 * CROP_PX].any()
    assert not second[:100, :90].any()
    assert (second[100:, :90] == 255).all()  # what a small picture leaves of its square is white
    if channels == 1:
        assert (first[:, 3 * CROP_PX :] == 128).all()
