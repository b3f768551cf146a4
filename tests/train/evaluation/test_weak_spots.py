import numpy as np
import pytest
import torch
from torch import Tensor, nn

from train.data.textures import dead_leaves
from train.evaluation.weak_spots import NOISY_SIGMAS_PX, PERIODS_PX, measure_noise, measure_textures, regular_textures


class Reddens(nn.Module):
    """A deblurring network that adds ten steps of red."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, blur_map: Tensor) -> Tensor:
        return image + torch.tensor([10 / 255, 0.0, 0.0]).view(1, 3, 1, 1)


class SaysTwo(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), 1, *image.shape[2:]), 2.0)


def test_textures_are_grey_sharp_and_of_whole_code_values() -> None:
    textures = regular_textures()
    assert textures.shape == (len(PERIODS_PX), 3, 256, 256)
    assert torch.equal(textures[:, 0], textures[:, 1])
    assert torch.equal(textures[:, 0], textures[:, 2])
    codes = textures * 255
    assert torch.allclose(codes, codes.round(), atol=1e-4)
    steps = (textures[:, 0, :, 1:] - textures[:, 0, :, :-1]).abs()
    assert (steps.flatten(1).amax(1) > 0.1).all()


def test_colour_and_error_are_those_of_the_network() -> None:
    for figures in measure_textures(Reddens(), SaysTwo()):
        assert figures.colour == pytest.approx(10.0, abs=0.01)
        assert figures.sigma_px == pytest.approx(2.0)
        assert figures.psnr_db == pytest.approx(20 * np.log10(255 / 10 * np.sqrt(3)), abs=0.2)


def test_bias_under_noise_is_what_the_map_says_less_the_truth() -> None:
    figures = measure_noise(Reddens(), SaysTwo(), [dead_leaves(460, np.random.default_rng(1))], 1)
    assert [f.sigma_px for f in figures] == list(NOISY_SIGMAS_PX)
    for f in figures:
        assert f.bias_px == pytest.approx(2.0 - f.sigma_px, abs=0.02)
        assert f.mae_px == pytest.approx(abs(2.0 - f.sigma_px), abs=0.02)
