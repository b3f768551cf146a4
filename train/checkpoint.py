"""Checkpoints: safetensors with the networks' configuration in the header, written atomically.

A *shipped* checkpoint holds the deployable networks only (deblur, defocus). A *run* checkpoint (``fit``) adds the
reblurring module, the optimiser and the counters.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from runtime.files import write_atomically
from train.config import NetworksConfig, networks_from_dict
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet

FORMAT = "reblur-checkpoint-1"
SHIPPED = Path(__file__).parent / "weights" / "mobile.safetensors"
"""The checkpoint that comes with the project."""


class Deployable(NamedTuple):
    """The two networks a phone gets, in eval mode on the CPU, and how they were made."""

    deblur: DeblurNet
    defocus: DefocusNet
    config: NetworksConfig


def build_deployable(config: NetworksConfig) -> Deployable:
    """Freshly initialised networks of that configuration."""
    return Deployable(
        DeblurNet(config.deblur, config.sigma_max_px), DefocusNet(config.defocus, config.sigma_max_px), config
    )


def save_deployable(networks: Deployable, path: Path) -> None:
    """Write the two networks and their configuration to ``path``, atomically."""
    tensors = _named_tensors({"deblur": networks.deblur, "defocus": networks.defocus})
    header = {"format": FORMAT, "networks": json.dumps(dataclasses.asdict(networks.config))}
    write_atomically(path, save(tensors, metadata=header))


def load_deployable(path: Path) -> Deployable:
    """Read a checkpoint that ``save_deployable`` wrote, strictly.

    Raises:
        ValueError: there is no such file, it is not a Reblur checkpoint, or its tensors are not those of the
            networks it describes.
    """
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}: give the path of a .safetensors file made by train.fit")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a readable safetensors file ({error}): copy or train it again") from error
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not a Reblur checkpoint: expected format {FORMAT!r} in its header, "
            f"got {header.get('format')!r}; use one made by train.fit"
        )
    try:
        description = json.loads(header["networks"])
    except (KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} does not describe its networks in its header: train or copy it again") from error
    networks = build_deployable(networks_from_dict(description))
    for name, module in (("deblur", networks.deblur), ("defocus", networks.defocus)):
        _load_strictly(module, name, tensors, path)
        module.eval().requires_grad_(False)
    return networks


def _named_tensors(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, tensor in module.state_dict().items()
    }


def _load_strictly(module: nn.Module, name: str, tensors: dict[str, Tensor], path: Path) -> None:
    own = {key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")}
    try:
        module.load_state_dict(own, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ValueError(f"{path} does not hold the {name} network it describes: {first}") from error
