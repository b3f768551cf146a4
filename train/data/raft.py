"""RAFT (Teed and Deng, ECCV 2020) by torchvision, where its weights are on the machine. Nothing is downloaded.

Get the weights once, on a machine with network:

    python -c "from torchvision.models.optical_flow import raft_small; raft_small(weights='DEFAULT')"
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runtime.system.errors import ReblurError

LEAST_PX = 128
"""RAFT halves three times and correlates over four levels: smaller pictures are padded to this."""
UPDATES = 12
"""Refinements; torchvision's default."""


def weights_path() -> Path:
    """Where torchvision keeps the weights of its small RAFT."""
    from torchvision.models.optical_flow import Raft_Small_Weights

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(Raft_Small_Weights.DEFAULT.url).name


@cache
def _network(path: Path, device: torch.device) -> nn.Module:
    from torchvision.models.optical_flow import raft_small

    if not path.is_file():
        raise ReblurError(
            f"RAFT's weights are not on this machine: expected {path.name} in {path.parent}; fetch them as the first "
            'lines of train/data/raft.py say, or use flow="dis"'
        )
    network: nn.Module = raft_small(weights=None)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def raft_flow(a: Tensor, b: Tensor) -> Tensor:
    """Flow from ``a`` to ``b``.

    Args:
        a: (B, 3, H, W), sRGB in [0, 1].
        b: the same.

    Returns:
        (B, 2, H, W), pixels, x first.

    Raises:
        ReblurError: the weights are not on this machine.
    """
    height, width = a.shape[-2:]
    right = max(LEAST_PX, width + -width % 8) - width
    below = max(LEAST_PX, height + -height % 8) - height
    padded = [F.pad(2.0 * t.detach().float() - 1.0, (0, right, 0, below), mode="replicate") for t in (a, b)]
    flows: list[Tensor] = _network(weights_path(), a.device)(*padded, num_flow_updates=UPDATES)
    return flows[-1][..., :height, :width].contiguous()
