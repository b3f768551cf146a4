"""The state of a run: networks, moving average, optimiser and step; saved and restored exactly."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from runtime.files import write_atomically
from train.checkpoint import Deployable
from train.config import RunConfig
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.step import Networks, build_networks


@dataclass
class RunState:
    """Everything that changes during a run."""

    networks: Networks
    average: AveragedModel
    """Exponential moving average of the deployable networks."""
    optimiser: torch.optim.Optimizer
    step: int

    def update_average(self) -> None:
        """Fold the networks as they are now into the moving average."""
        self.average.update_parameters(_shipped(self.networks))

    def deployable(self, config: RunConfig) -> Deployable:
        """The averaged networks, in eval mode."""
        averaged = self.average.module
        deblur, defocus = averaged["deblur"], averaged["defocus"]
        assert isinstance(deblur, DeblurNet)
        assert isinstance(defocus, DefocusNet)
        return Deployable(deblur.eval(), defocus.eval(), config.networks)


def _shipped(networks: Networks) -> nn.ModuleDict:
    return nn.ModuleDict({"deblur": networks.deblur, "defocus": networks.defocus})


def initial_state(config: RunConfig) -> RunState:
    """A seeded start."""
    torch.manual_seed(config.fit.seed)
    networks = build_networks(config)
    average = AveragedModel(_shipped(networks), multi_avg_fn=_moving_average(config.fit.ema_decay))
    parameters = [p for network in networks for p in network.parameters()]
    return RunState(networks, average, torch.optim.Adam(parameters, lr=config.fit.learning_rate), 0)


def _moving_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Exponential moving average whose decay grows from 0.1, so that the start is soon forgotten."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], updates: Tensor | int) -> None:
        count = float(updates)
        weight = 1.0 - min(decay, (1.0 + count) / (10.0 + count))
        torch._foreach_lerp_(averaged, current, weight)

    return update


def learning_rate(step: int, config: RunConfig) -> float:
    """Linear warm-up, then cosine decay to a hundredth of the peak."""
    fit = config.fit
    warmup = min(1.0, (step + 1) / max(1, fit.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / fit.steps)))
    return fit.learning_rate * warmup * (0.01 + 0.99 * cosine)


def save_state(state: RunState, config: RunConfig, path: Path) -> None:
    """Write the whole state atomically."""
    buffer = io.BytesIO()
    torch.save(
        {
            "config": config.to_json(),
            "step": state.step,
            "networks": {name: net.state_dict() for name, net in state.networks._asdict().items()},
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def load_state(config: RunConfig, path: Path) -> RunState:
    """Restore a run of exactly this configuration.

    Raises:
        ValueError: there is nothing to resume, the file is damaged, or it comes from another configuration.
    """
    if not path.is_file():
        raise ValueError(f"nothing to resume at {path}: start the run without --resume")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise ValueError(
            f"{path} is damaged and cannot be resumed: start the run again under another --name"
        ) from error
    if saved["config"] != config.to_json():
        before, now = json.loads(saved["config"]), json.loads(config.to_json())
        changed = [f"{part}.{k}" for part in now if isinstance(now[part], dict) for k in now[part]
                   if before.get(part, {}).get(k) != now[part][k]] or ["preset"]  # fmt: skip
        raise ValueError(f"{path} was made with other settings ({', '.join(changed)}): resume with the same ones")
    state = initial_state(config)
    for name, network in state.networks._asdict().items():
        network.load_state_dict(saved["networks"][name])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = saved["step"]
    return state
