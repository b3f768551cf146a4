import numpy as np
import torch

from train.evaluation.sample_grids import FLOW_RANGE_PX, flow_colours


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
