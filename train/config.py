"""Configuration of a training run: frozen dataclasses, one per part, a sentence under each field.

A preset (``train.presets``) is a function that returns a whole ``RunConfig``. Nothing is read from files; the JSON
in ``runs/<name>/config.json`` is a record of what ran.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from train.networks.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class NetworksConfig:
    """The three networks."""

    sigma_max_px: float = 6.0
    """Largest blur sigma the estimator can say and the deblurring network is told, in pixels."""
    deblur: UNetConfig
    """The deblurring network."""
    defocus: UNetConfig
    """The defocus-map estimator."""
    reblur: UNetConfig
    """The reblurring module; used in training only."""
    kernel_radii: tuple[int, ...]
    """Radii of its isotropic kernels in pixels; a uniform disc of radius r has sigma r / 2."""

    def __post_init__(self) -> None:
        if self.sigma_max_px <= 0:
            raise ValueError(f"sigma_max_px must be positive, got {self.sigma_max_px}")


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """Synthetic layered scenes: an all-in-focus picture, a depth order, blur with occlusion in linear light."""

    size_px: int = 176
    """Side of a scene; training crops are taken from it."""
    layers: tuple[int, int] = (2, 4)
    """Fewest and most depth layers."""
    sigma_max_px: float = 5.0
    """Largest blur of any layer, as a sigma in pixels."""
    sharp_share: float = 0.15
    """Share of scenes that are all but in focus (sigma up to 0.5 px), so that sharp input is left alone."""
    disc_share: float = 0.5
    """Share of scenes blurred with a disc instead of a Gaussian."""
    noise_max: float = 0.008
    """Largest standard deviation of the sensor noise, in sRGB units."""
    dead_leaves_share: float = 0.25
    """Share of scenes made of procedural dead leaves; 1 where no photograph is given."""

    def __post_init__(self) -> None:
        if not 1 <= self.layers[0] <= self.layers[1]:
            raise ValueError(f"layers must be (fewest, most) with 1 <= fewest <= most, got {self.layers}")
        for name in ("sharp_share", "disc_share", "dead_leaves_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be within [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class MisalignConfig:
    """How the sharp picture of a pair is displaced against the blurry one."""

    shift_px: float = 4.0
    """Largest shift along each axis; 0 gives aligned pairs (no warp and no exposure change at all)."""
    rotation_rad: float = 0.01
    """Largest rotation about the centre."""
    scale: float = 0.015
    """Largest relative change of size (focus breathing)."""
    wobble_px: float = 0.5
    """Standard deviation of a smooth random displacement on top (parallax)."""
    gain: float = 0.02
    """Largest relative change of exposure."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the terms; see ``train.losses``."""

    charbonnier_eps: float = 1e-3
    """rho(d) = sqrt(d^2 + eps^2)."""
    reblur: float = 0.5
    """Weight of rho(reblur(S, B), B)."""
    pseudo_sigma: float = 0.5
    """Weight of the estimator's supervision by the reblurring module's sigma."""
    reblur_source: Literal["restored", "warped_sharp"] = "warped_sharp"
    """Where the kernels come from: the paper's restored image S, or the sharp image moved onto B."""
    flow_consistency_px: float = 1.0
    """A pixel is masked out where forward and backward flow disagree by more than this."""


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Schedule and optimiser."""

    steps: int
    """Optimiser steps in all."""
    stage_one_share: float = 0.35
    """Share of the steps in stage 1, during which the sigma prior is also ramped up from 0."""
    batch_size: int = 8
    """Crops per step."""
    crop_px: int = 128
    """Side of a crop."""
    pool_size: int = 720
    """Scenes held ready; each keeps its flow, computed once."""
    pool_refresh: int = 1
    """Scenes replaced by new ones after every step."""
    learning_rate: float = 6e-4
    """Peak rate of Adam; cosine decay after a linear warm-up."""
    warmup_steps: int = 100
    """Steps of warm-up."""
    clip_norm: float = 1.0
    """Largest gradient norm, for each network by itself (one for all lets one network throttle another)."""
    ema_decay: float = 0.999
    """Decay of the moving average of the weights that is evaluated and shipped."""
    log_every: int = 50
    """Steps between lines of log.jsonl."""
    evaluate_every: int = 500
    """Steps between evaluations on held-out scenes; each also writes a checkpoint and a picture grid."""
    held_out_scenes: int = 24
    """Held-out scenes, aligned and never trained on."""
    seed: int = 0
    """Seed of the weights, the scenes and the crops."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.crop_px % 16:
            raise ValueError(f"crop_px must be a multiple of 16, got {self.crop_px}")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run depends on besides the photographs."""

    preset: str
    """Name of the preset this came from."""
    networks: NetworksConfig
    """The networks."""
    scenes: SceneConfig
    """The synthetic scenes."""
    misalign: MisalignConfig
    """The misalignment of the pairs."""
    loss: LossConfig
    """The losses."""
    fit: FitConfig
    """The schedule."""

    def __post_init__(self) -> None:
        if self.fit.crop_px > self.scenes.size_px:
            raise ValueError(
                f"crop_px ({self.fit.crop_px}) must not exceed the scenes' size_px ({self.scenes.size_px})"
            )

    def to_json(self) -> str:
        """The whole configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def networks_from_dict(data: dict[str, Any]) -> NetworksConfig:
    """The inverse of ``dataclasses.asdict`` for a ``NetworksConfig`` that went through JSON.

    Raises:
        ValueError: a field is missing or not known.
    """
    try:
        unets: dict[str, Any] = {
            name: UNetConfig(**_with_tuples(data[name])) for name in ("deblur", "defocus", "reblur")
        }
        rest = {key: value for key, value in data.items() if key not in unets}
        return NetworksConfig(**_with_tuples(rest), **unets)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the networks' configuration does not fit this version of Reblur: {error}") from error


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
