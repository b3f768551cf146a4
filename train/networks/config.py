"""Which networks a run has: one frozen configuration for the three of them, and its way to JSON and back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime.system.errors import ReblurError
from train.networks.fade import FadeConfig
from train.networks.paper_unet import PaperUNetConfig
from train.networks.restormer import RestormerConfig
from train.networks.seeds import SeedConfig
from train.networks.unet import UNetConfig

DeblurConfig = UNetConfig | PaperUNetConfig | RestormerConfig
DefocusConfig = UNetConfig | SeedConfig
NETWORK_KINDS: dict[str, dict[str, type]] = {
    "deblur": {"unet": UNetConfig, "paper_unet": PaperUNetConfig, "restormer": RestormerConfig},
    "defocus": {"unet": UNetConfig, "seeds": SeedConfig},
    "reblur": {"unet": UNetConfig},
}
"""For each part the kinds of network it can be, by the ``kind`` each configuration carries into JSON."""


@dataclass(frozen=True, kw_only=True)
class NetworksConfig:
    """The three networks."""

    sigma_max_px: float = 6.0
    """Largest blur sigma the estimator can say and the deblurring network is told, in pixels."""
    deblur: DeblurConfig
    """The deblurring network; only the plain U-Net can be exported."""
    defocus: DefocusConfig
    """The estimator of the blur map."""
    reblur: UNetConfig
    """The reblurring module; used in training only."""
    kernel_radii: tuple[int, ...]
    """Radii of its isotropic kernels in pixels; a uniform disc of radius r has sigma r / 2."""
    fade: FadeConfig = field(default_factory=FadeConfig)
    """Where the plain U-Net's restoration acts; checkpoints that say nothing of it were trained with the defaults."""

    def __post_init__(self) -> None:
        if self.sigma_max_px <= 0:
            raise ReblurError(f"sigma_max_px must be positive, got {self.sigma_max_px}")
        if isinstance(self.deblur, UNetConfig) and self.blur_map == "seeds":
            raise ReblurError("the plain U-Net deblurs by a sigma map: give kernel seeds to paper_unet or restormer")

    @property
    def blur_map(self) -> Literal["sigma", "seeds"]:
        """What the estimator says of a pixel: its blur sigma in pixels, or its kernel seeds."""
        return "seeds" if isinstance(self.defocus, SeedConfig) else "sigma"

    @property
    def blur_channels(self) -> int:
        """Channels of the blur map: 1, or one seed for each profile value of each kernel (radius + 1 each)."""
        return sum(radius + 1 for radius in self.kernel_radii) if self.blur_map == "seeds" else 1

    @property
    def size_multiple(self) -> int:
        """Height and width of what the networks are given must be multiples of this (all are powers of two)."""
        return max(self.deblur.size_multiple, self.defocus.size_multiple, self.reblur.size_multiple)

    def fused(self) -> NetworksConfig:
        """The same networks after their branched convolutions were made plain ones."""
        parts = {name: getattr(self, name) for name in NETWORK_KINDS}
        plain: dict[str, Any] = {
            name: dataclasses.replace(part, branches=False)
            for name, part in parts.items()
            if isinstance(part, UNetConfig)
        }
        return dataclasses.replace(self, **plain)


def networks_from_dict(data: dict[str, Any]) -> NetworksConfig:
    """The inverse of ``dataclasses.asdict`` for a ``NetworksConfig`` that went through JSON.

    Raises:
        ReblurError: a field is missing or not known, or there is no such kind of network.
    """
    try:
        parts = {name: _part_from_dict(name, data[name]) for name in NETWORK_KINDS}
        rest = {key: value for key, value in data.items() if key not in parts and key != "fade"}
        return NetworksConfig(**_with_tuples(rest), **parts, fade=FadeConfig(**data.get("fade", {})))
    except (KeyError, TypeError, AttributeError) as error:
        raise ReblurError(f"the networks' configuration does not fit this version of Reblur: {error}") from error


def _part_from_dict(name: str, data: dict[str, Any]) -> Any:
    kind = data.get("kind", "unet")  # the first checkpoints had one kind, and no word for it
    kinds = NETWORK_KINDS[name]
    if kind not in kinds:
        raise ReblurError(f"no {name} network of kind {kind!r}: expected one of {', '.join(kinds)}")
    return kinds[kind](**_with_tuples({key: value for key, value in data.items() if key != "kind"}))


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
