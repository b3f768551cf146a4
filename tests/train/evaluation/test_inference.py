import numpy as np
import torch
from torch import Tensor, nn

from train.evaluation.inference import restore_picture


class Darken(nn.Module):
    """Subtracts the blur map; refuses sizes that are no multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, blur_map: Tensor) -> Tensor:
        assert image.shape[2] % 32 == image.shape[3] % 32 == 0
        return image - blur_map


class Brightness(nn.Module):
    """Says of each pixel half its mean."""

    def forward(self, image: Tensor) -> Tensor:
        return image.mean(1, keepdim=True) / 2


def test_pictures_of_any_size_are_restored_whole() -> None:
    grey = np.repeat(np.random.default_rng(0).random((45, 70, 1), np.float32), 3, axis=2)
    restored, blur_map = restore_picture(Darken(), Brightness(), grey)
    np.testing.assert_allclose(restored, grey / 2, atol=1e-6)
    assert blur_map.shape == (1, 1, 45, 70)
