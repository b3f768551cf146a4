"""One step of the optimiser, in one process or several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.loop.distributed import ALONE, World
from train.objective.losses import Terms
from train.objective.step import Networks


def optimise(
    terms: Terms, networks: Networks, optimiser: torch.optim.Optimizer, clip_norm: float, world: World = ALONE
) -> dict[str, Tensor]:
    """Backward, average over all processes, clip each network by itself, step.

    Returns:
        The gradient norm of each network before clipping; 0 for one without gradients.

    Raises:
        FloatingPointError: a term or a gradient is infinite or not a number; raised in every process alike.
    """
    optimiser.zero_grad(set_to_none=True)
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    world.average_gradients(p for network in networks for p in network.parameters())
    norms = {
        name: nn.utils.clip_grad_norm_(network.parameters(), clip_norm) for name, network in networks._asdict().items()
    }
    found = torch.stack([world.mean(total), *(norm.to(total.device) for norm in norms.values())])
    if not torch.isfinite(found).all():
        values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
        raise FloatingPointError(
            f"training diverged, a loss or a gradient is no number ({values}): lower the learning rate"
        )
    optimiser.step()
    return norms
