"""Checkpoints: safetensors with the networks' configuration in the header, written atomically.

A *shipped* checkpoint holds the deblurring network and the estimator and, where it is to be trained on, the
reblurring module. A *run* checkpoint (``fit``) adds the optimiser and the counters. Branched convolutions are fused
when a checkpoint is saved: no reader ever meets them.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.networks.build import Deblurrer, Estimator, build_deblur, build_defocus
from train.networks.config import NetworksConfig, networks_from_dict
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.reblur import ReblurNet
from train.networks.reparam import fused

FORMAT = "reblur-checkpoint-1"
HEADER_LENGTH_BYTES = 8
"""Of the number that a safetensors file begins with, and what its header is a multiple of."""
RESTORING = ("deblur", "defocus")
"""The networks every checkpoint holds; the header's "holds" names all it has (missing: these)."""


class Restorer(NamedTuple):
    """A deblurring network and its estimator, of any kind, and how they were made."""

    deblur: Deblurrer
    """(image (B, 3, H, W), blur map (B, K, H, W)) -> (B, 3, H, W)."""
    defocus: Estimator
    """image -> blur map; ``config.blur_map`` tells which."""
    config: NetworksConfig


class Deployable(NamedTuple):
    """The two networks a phone gets: plain U-Nets that meet at a sigma map in pixels."""

    deblur: DeblurNet
    defocus: DefocusNet
    config: NetworksConfig


def build_restorer(config: NetworksConfig) -> Restorer:
    """Freshly initialised networks of that configuration, whatever their kind."""
    return Restorer(build_deblur(config), build_defocus(config), config)


def build_deployable(config: NetworksConfig) -> Deployable:
    """Freshly initialised networks of that configuration.

    Raises:
        ReblurError: they are not of the kind that can be exported.
    """
    _expect_deployable(config, "this configuration")
    return _deployable(build_restorer(config))


def save_deployable(
    networks: Deployable | Restorer, path: Path, reblur: ReblurNet | None = None, *, made_from: str | None = None
) -> None:
    """Write the networks and their configuration to ``path``, atomically.

    Args:
        networks: of any kind; only plain U-Nets can be exported from the file.
        path: of the file.
        reblur: the reblurring module, for those who fine-tune on pairs of their own.
        made_from: SHA-256 of the checkpoint these weights were fine-tuned for int8 from (``train.qat``).
    """
    modules: dict[str, nn.Module] = {"deblur": networks.deblur, "defocus": networks.defocus}
    if reblur is not None:
        modules["reblur"] = reblur
    header = {
        "format": FORMAT,
        "networks": json.dumps(dataclasses.asdict(networks.config.fused())),
        "holds": json.dumps(list(modules)),
    }
    if made_from is not None:
        header["made_from"] = made_from
    write_atomically(path, _with_sorted_header(save(_named_tensors(modules), metadata=header)))


def _with_sorted_header(content: bytes) -> bytes:
    """The file with the keys of its header in order: safetensors shuffles those of the metadata, and so the digest.

    See https://github.com/huggingface/safetensors#format: the header's length in eight bytes, the header as JSON with
    spaces at its end, the tensors.
    """
    length = int.from_bytes(content[:HEADER_LENGTH_BYTES], "little")
    end = HEADER_LENGTH_BYTES + length
    header = json.loads(content[HEADER_LENGTH_BYTES:end])
    metadata = dict(sorted(header.pop("__metadata__", {}).items()))
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":"), ensure_ascii=False).encode()
    padded = text.ljust(-(-len(text) // HEADER_LENGTH_BYTES) * HEADER_LENGTH_BYTES)
    return len(padded).to_bytes(HEADER_LENGTH_BYTES, "little") + padded + content[end:]


def load_networks(path: Path) -> Restorer:
    """Read a checkpoint with networks of any kind, strictly; they come in eval mode on the CPU.

    Raises:
        ReblurError: there is no such file, it is not a Reblur checkpoint, or its tensors are not those of the
            networks it describes.
    """
    return _load(path, _read_header(path))


def load_deployable(path: Path) -> Deployable:
    """Read a checkpoint that can be exported, strictly; its networks come in eval mode on the CPU.

    Raises:
        ReblurError: as ``load_networks``, or its networks cannot be exported.
    """
    header = _read_header(path)
    _expect_deployable(header.config, str(path))
    return _deployable(_load(path, header))


def load_reblur_state(path: Path) -> dict[str, Tensor] | None:
    """The reblurring module's tensors by their names in ``ReblurNet``; None where the checkpoint has none.

    Raises:
        ReblurError: as ``load_networks``.
    """
    header = _read_header(path)
    return _read_tensors(path, "reblur") if "reblur" in header.holds else None


def read_made_from(path: Path) -> str | None:
    """SHA-256 of the checkpoint that this one was fine-tuned for int8 from; None for an ordinary one.

    Raises:
        ReblurError: as ``load_networks``.
    """
    return _read_header(path).made_from


class _Header(NamedTuple):
    config: NetworksConfig
    holds: tuple[str, ...]
    made_from: str | None


def _read_header(path: Path) -> _Header:
    if not path.is_file():
        raise ReblurError(f"no checkpoint at {path}: give the path of a .safetensors file made by train.fit")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ReblurError(f"{path} is not a readable safetensors file ({error}): copy or train it again") from error
    if header.get("format") != FORMAT:
        raise ReblurError(
            f"{path} is not a Reblur checkpoint: expected format {FORMAT!r} in its header, "
            f"got {header.get('format')!r}; use one made by train.fit"
        )
    try:
        description = json.loads(header["networks"])
        holds = tuple(json.loads(header["holds"])) if "holds" in header else RESTORING
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ReblurError(f"{path} does not describe its networks in its header: train or copy it again") from error
    return _Header(networks_from_dict(description), holds, header.get("made_from"))


def _read_tensors(path: Path, network: str) -> dict[str, Tensor]:
    prefix = f"{network}."
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118  (not a dict)
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def _load(path: Path, header: _Header) -> Restorer:
    networks = build_restorer(header.config)
    for name, module in zip(RESTORING, (networks.deblur, networks.defocus), strict=True):
        try:
            module.load_state_dict(_read_tensors(path, name), strict=True)
        except RuntimeError as error:
            first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
            raise ReblurError(f"{path} does not hold the {name} network it describes: {first}") from error
        module.eval().requires_grad_(False)
    return networks


def _expect_deployable(config: NetworksConfig, what: str) -> None:
    kinds = (config.deblur.kind, config.defocus.kind)
    if kinds != ("unet", "unet"):
        raise ReblurError(
            f"{what} cannot be exported: expected the plain U-Nets of the mobile preset, got {' and '.join(kinds)}; "
            "such networks train and evaluate only"
        )


def _deployable(networks: Restorer) -> Deployable:
    assert isinstance(networks.deblur, DeblurNet)
    assert isinstance(networks.defocus, DefocusNet)
    return Deployable(networks.deblur, networks.defocus, networks.config)


def _named_tensors(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, tensor in fused(module).state_dict().items()
    }
