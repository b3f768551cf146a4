"""Starting from the weights of a checkpoint instead of random ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of
from train.checkpoint import load_networks, load_reblur_state
from train.networks.config import NetworksConfig
from train.objective.step import Networks

BRANCHES = ("point", "scale", "expand", "reduce")
"""Parameters of ``reparam.BranchedConv`` that a checkpoint, which is fused, lacks; they start without effect."""


class WarmStart(NamedTuple):
    """Weights to start from."""

    source: str
    """Name of the file and digest of its content, for the run's record."""
    tensors: dict[str, dict[str, Tensor]]
    """By network: "deblur", "defocus", and "reblur" where the file holds one of the same kind."""

    @property
    def has_reblur(self) -> bool:
        """Whether the reblurring module starts trained."""
        return "reblur" in self.tensors


def read_warm_start(path: Path, config: NetworksConfig) -> WarmStart:
    """Read a checkpoint to start a run of these networks from.

    Raises:
        ReblurError: it cannot be read, or holds networks of another kind or size.
    """
    found, wanted = load_networks(path), config.fused()
    for part in ("deblur", "defocus", "sigma_max_px"):
        theirs, ours = getattr(found.config, part), getattr(wanted, part)
        if theirs != ours:
            raise ReblurError(
                f"{path} holds other networks than the preset ({part}: expected {ours}, got {theirs}): "
                "give the preset it was trained with"
            )
    tensors = {"deblur": found.deblur.state_dict(), "defocus": found.defocus.state_dict()}
    reblur = load_reblur_state(path)
    if reblur is not None and (found.config.reblur, found.config.kernel_radii) == (wanted.reblur, wanted.kernel_radii):
        tensors["reblur"] = reblur
    digest = sha256_of(path)[:12]
    return WarmStart(f"{path.name} (sha256 {digest})", tensors)


def apply_warm_start(start: WarmStart, networks: Networks) -> None:
    """Load the weights; what branched convolutions have beyond plain ones stays as it was initialised."""
    for name, tensors in start.tensors.items():
        result = getattr(networks, name).load_state_dict(tensors, strict=False)
        missing = [key for key in result.missing_keys if key.rsplit(".", 1)[-1] not in BRANCHES]
        wrong = missing + result.unexpected_keys
        assert not wrong, f"{name}: {wrong}"
