"""The state of a run: networks, moving average, optimiser and step; saved and restored exactly."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.checkpoint import Restorer
from train.config import RunConfig
from train.loop.warm_start import WarmStart, apply_warm_start
from train.networks.build import Deblurrer, Estimator
from train.networks.reblur import ReblurNet
from train.objective.schedules import Tensors, fold_in, share_of_peak
from train.objective.step import Networks, build_networks

FREE_TO_CHANGE = ("fit.channels_last", "fit.compile")
"""Settings a run may be resumed with others of: they change how it is computed, not what."""
Provenance = Mapping[str, str]
"""What a run was made from besides its configuration: name of a thing -> what it was; see ``training_data``."""


@dataclass
class RunState:
    """Everything that changes during a run."""

    networks: Networks
    average: AveragedModel
    """Exponential moving average of all three networks."""
    optimiser: torch.optim.Optimizer
    step: int
    best_gain_db: float = -math.inf
    """Highest held-out gain of any evaluation so far."""

    def update_average(self) -> None:
        """Fold the networks as they are now into the moving average."""
        self.average.update_parameters(_together(self.networks))

    def rest_reblurring(self) -> ReblurNet:
        """From stage 3 on the reblurring module is its own average; returns it. Doing so again changes nothing."""
        self.networks.reblur.load_state_dict(self.averaged_reblurring().state_dict())
        return self.networks.reblur

    def averaged_reblurring(self) -> ReblurNet:
        """The averaged reblurring module, in eval mode."""
        averaged = self._averaged()["reblur"].eval()
        assert isinstance(averaged, ReblurNet)
        return averaged

    def restorer(self, config: RunConfig) -> Restorer:
        """The averaged networks, in eval mode, on the device of the run."""
        averaged = self._averaged()
        deblur, defocus = averaged["deblur"].eval(), averaged["defocus"].eval()
        assert isinstance(deblur, Deblurrer)
        assert isinstance(defocus, Estimator)
        return Restorer(deblur, defocus, config.networks)

    def _averaged(self) -> nn.ModuleDict:
        averaged = self.average.module
        assert isinstance(averaged, nn.ModuleDict)
        return averaged


def _together(networks: Networks) -> nn.ModuleDict:
    return nn.ModuleDict(networks._asdict())


def initial_state(
    config: RunConfig, device: torch.device | str = "cpu", warm_start: WarmStart | None = None
) -> RunState:
    """A seeded start, the same on every device, or one from the weights of a checkpoint."""
    torch.manual_seed(config.fit.seed)
    networks = build_networks(config)
    if warm_start is not None:
        apply_warm_start(warm_start, networks)
    for network in networks:
        network.to(device)
    average = AveragedModel(_together(networks), multi_avg_fn=_moving_average(config.fit.ema_decay))
    parameters = [p for network in networks for p in network.parameters()]
    return RunState(networks, average, torch.optim.Adam(parameters, lr=config.fit.learning_rate), 0)


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """``fold_in`` as torch asks for it."""
    return lambda averaged, current, updates: fold_in(averaged, current, float(updates), decay)


def reblur_alone(step: int, config: RunConfig) -> bool:
    """Whether ``step`` is one of those in which the reblurring module is trained alone."""
    return step < config.fit.reblur_first_steps


def learning_rate(step: int, config: RunConfig) -> float:
    """Linear warm-up, then cosine decay to a hundredth of the peak; while R is trained alone, warm-up only."""
    fit = config.fit
    if reblur_alone(step, config):
        return fit.reblur_first_rate * min(1.0, (step + 1) / max(1, fit.warmup_steps))
    step -= fit.reblur_first_steps
    return fit.learning_rate * share_of_peak(step, fit.steps, fit.warmup_steps)


def save_state(state: RunState, config: RunConfig, path: Path, provenance: Provenance | None = None) -> None:
    """Write the whole state atomically."""
    buffer = io.BytesIO()
    torch.save(
        {
            "config": config.to_json(),
            "provenance": dict(provenance or {}),
            "step": state.step,
            "best_gain_db": state.best_gain_db,
            "networks": {name: net.state_dict() for name, net in state.networks._asdict().items()},
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def read_state(config: RunConfig, path: Path, provenance: Provenance | None = None) -> dict[str, Any]:
    """What ``save_state`` wrote, on the CPU, if it is of exactly this run.

    Raises:
        ReblurError: there is nothing to resume, the file is damaged, or it comes from another configuration or
            from other data.
    """
    if not path.is_file():
        raise ReblurError(f"nothing to resume at {path}: start the run without --resume")
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before, provenance_before = json.loads(saved["config"]), saved["provenance"]
    except (RuntimeError, UnpicklingError, EOFError, KeyError) as error:
        raise ReblurError(
            f"{path} is damaged or of another version and cannot be resumed: start the run again under another --name"
        ) from error
    changed = _differences(before, json.loads(config.to_json()))
    if changed:
        raise ReblurError(f"{path} was made with other settings ({', '.join(changed)}): resume with the same ones")
    now = dict(provenance or {})
    for name in sorted({*now, *provenance_before}):
        was, is_ = provenance_before.get(name, "none"), now.get(name, "none")
        if was != is_:
            raise ReblurError(
                f"{path} was made from other data ({name}: it was {was}, now {is_}): resume with the same"
            )
    return saved


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, as part.field, but for those free to change."""
    flat_before, flat_now = _flat(before), _flat(now)
    names = [name for name in {**flat_now, **flat_before} if flat_before.get(name) != flat_now.get(name)]
    return [name for name in names if name not in FREE_TO_CHANGE]


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part, value in config.items():
        flat |= {f"{part}.{field}": v for field, v in value.items()} if isinstance(value, dict) else {part: value}
    return flat


def restore_state(state: RunState, saved: Mapping[str, Any]) -> None:
    """Put what ``read_state`` read into a state of the same configuration, on whatever device it is."""
    for name, network in state.networks._asdict().items():
        network.load_state_dict(saved["networks"][name])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = saved["step"]
    state.best_gain_db = saved["best_gain_db"]
