"""LPIPS (Zhang et al. 2018, AlexNet), where the backbone's weights lie on this disk already.

Nothing is ever downloaded: an evaluation must give the same columns with and without a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlparse

import numpy as np
import torch
from torch import Tensor

from runtime.system.errors import ReblurError
from runtime.system.silence import hidden_warnings
from train.data.photos import Picture


class Distance(Protocol):
    """What LPIPS's network is to ``Perceptual``."""

    spatial: bool
    """A map of the distance in place of one number."""

    def to(self, device: torch.device, /) -> Self:
        """Itself, moved."""

    def eval(self) -> Self:
        """Itself, ready to compute."""

    def __call__(self, a: Tensor, b: Tensor, /) -> Tensor:
        """Two (1, 3, H, W) in [-1, 1] -> one number, or (1, 1, H, W) when ``spatial``."""


class Perceptual:
    """LPIPS of two pictures.

    Args:
        network: ``lpips.LPIPS``, or anything like it.
        device: where it computes.
    """

    def __init__(self, network: Distance, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.network = network.to(self.device).eval()

    @torch.no_grad()
    def __call__(self, picture: Picture, truth: Picture, mask: np.ndarray | None = None) -> float:
        """LPIPS of two pictures (H, W, 3), sRGB in [0, 1]; with a mask (H, W) its map's mean over the mask."""
        self.network.spatial = mask is not None
        distance = self.network(self._tensor(picture), self._tensor(truth))
        if mask is not None:
            distance = distance[0, 0][torch.from_numpy(mask).to(self.device)]
        return float(distance.mean())

    def _tensor(self, picture: Picture) -> Tensor:
        channels_first = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)
        return torch.from_numpy(channels_first)[None].to(self.device) * 2 - 1


def backbone_path() -> Path:
    """Where torch keeps the AlexNet weights that LPIPS stands on, whether they are there or not."""
    from torchvision.models import AlexNet_Weights

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(AlexNet_Weights.IMAGENET1K_V1.url).path).name


def load_perceptual(device: torch.device | None = None) -> Perceptual:
    """LPIPS from weights on this disk.

    Raises:
        ReblurError: the package or the weights are missing; the sentence is the reason why LPIPS is not run.
    """
    try:
        import lpips
    except ImportError as error:
        raise ReblurError("the package lpips is not installed: pip install lpips") from error
    path = backbone_path()
    if not path.is_file():
        raise ReblurError(f"no AlexNet weights at {path}: put torchvision's file there (nothing is downloaded)")
    with hidden_warnings():  # lpips still asks torchvision for weights the old way
        return Perceptual(lpips.LPIPS(net="alex", verbose=False), device)
