"""Configuration of a training run: frozen dataclasses, one per part, a sentence under each field.

A preset (``train.presets``) is a function that returns a whole ``RunConfig``. Nothing is read from files; the JSON
in ``runs/<name>/config.json`` is a record of what ran.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from runtime.system.errors import ReblurError
from train.networks.config import NetworksConfig


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """Synthetic layered scenes: all-in-focus pictures, a depth order, blur with occlusion in linear light, a camera."""

    size_px: int = 176
    """Side of a scene; training crops are taken from it."""
    layers: tuple[int, int] = (2, 6)
    """Fewest and most depth layers."""
    sigma_max_px: float = 5.0
    """Largest blur of any layer, as a sigma in pixels."""
    large_blur_share: float = 1.0
    """Share of scenes whose blur goes up to that; in the others it goes up to ``everyday_sigma_px``."""
    everyday_sigma_px: float = 4.0
    """Largest blur of any layer of those."""
    sharp_share: float = 0.15
    """Share of scenes that are all but in focus (sigma up to 0.5 px), so that sharp input is left alone."""
    disc_share: float = 0.4
    """Share of scenes blurred with a disc: an aperture that is wide open."""
    polygon_share: float = 0.25
    """Share of scenes blurred with a polygon of 5 to 8 blades; the rest are blurred with a Gaussian."""
    own_picture_share: float = 0.5
    """Share of scenes in which each layer shows a picture of its own, so that depth edges are colour edges; in the
    others all layers show parts of one picture."""
    soft_edge_share: float = 0.5
    """Share of layers whose rim fades over 1 to 4 px; the others end within a pixel."""
    highlight_share: float = 0.2
    """Share of scenes with small light sources brighter than white."""
    noise_max: float = 0.008
    """Largest standard deviation of the sensor noise at middle grey, in sRGB units, by day."""
    night_share: float = 0.0
    """Share of scenes taken in the dark: their noise goes up to ``night_noise_max``."""
    night_noise_max: float = 0.05
    """Largest standard deviation of the noise of those."""
    grey_share: float = 0.0
    """Share of scenes without colour."""
    jpeg_share: float = 0.25
    """Share of scenes whose blurry picture went through JPEG."""
    jpeg_quality: tuple[int, int] = (70, 98)
    """Lowest and highest quality of that."""
    dead_leaves_share: float = 0.25
    """Share of pictures that are procedural dead leaves; 1 where no photograph is given."""
    dead_leaves_count: int = 48
    """Dead-leaves pictures painted at the start; scenes take crops of them, turned and recoloured."""
    regular_share: float = 0.0
    """Share of those with a regular texture over a part of them: mesh, ribs, weave, stripes or print."""

    def __post_init__(self) -> None:
        if not 1 <= self.layers[0] <= self.layers[1]:
            raise ReblurError(f"layers must be (fewest, most) with 1 <= fewest <= most, got {self.layers}")
        for name in (field.name for field in dataclasses.fields(self) if field.name.endswith("_share")):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ReblurError(f"{name} must be within [0, 1], got {getattr(self, name)}")
        if self.disc_share + self.polygon_share > 1.0:
            raise ReblurError(
                f"disc_share and polygon_share must sum to 1 or less, got {self.disc_share} and {self.polygon_share}"
            )
        if not 1 <= self.jpeg_quality[0] <= self.jpeg_quality[1] <= 100:
            raise ReblurError(f"jpeg_quality must be (lowest, highest) within 1 to 100, got {self.jpeg_quality}")
        if self.dead_leaves_count < 1:
            raise ReblurError(f"dead_leaves_count must be at least 1, got {self.dead_leaves_count}")


@dataclass(frozen=True, kw_only=True)
class MisalignConfig:
    """How the sharp picture of a pair, a second shot, differs from the blurry one."""

    shift_px: float = 4.0
    """Largest shift along each axis; 0 gives aligned pairs (nothing below happens either)."""
    rotation_rad: float = 0.01
    """Largest rotation about the centre."""
    scale: float = 0.015
    """Largest relative change of size (focus breathing)."""
    wobble_px: float = 0.5
    """Standard deviation of a smooth random displacement on top."""
    parallax_px: float = 1.5
    """Largest displacement of the nearest layer against the farthest, since the camera stood elsewhere."""
    gain: float = 0.04
    """Largest relative change of exposure, in linear light (0.04 is about 0.02 in sRGB)."""
    white_balance: float = 0.02
    """Largest relative change of red and of blue against green, in linear light."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Which terms are used, and their weights; see ``train.objective.losses``."""

    charbonnier_eps: float = 1e-3
    """rho(d) = sqrt(d^2 + eps^2)."""
    deform: Literal["pixel", "moved", "two_way"] = "moved"
    """How the restored image S is held against the sharp one G: G as it is; G moved onto the blurry image, once; or
    the paper's two terms of stage 2, with flow between S and G in every step (stage 1 is as "moved")."""
    alignment: Literal["flow", "blur_matched"] = "blur_matched"
    """How G is moved: by optical flow alone, or by flow between pictures of matched blur (``train.data.alignment``)."""
    resampling: Literal["lanczos", "fourier"] = "lanczos"
    """With "blur_matched", how G is resampled: by a Lanczos kernel, or without loss of sharpness."""
    flow: Literal["dis", "raft"] = "dis"
    """The optical flow: OpenCV's DIS, or torchvision's RAFT (``train.data.raft``; it needs weights)."""
    masks: bool = True
    """Whether pixels whose alignment is not trusted are left out."""
    flow_consistency_px: float = 1.0
    """With "flow", a pixel is left out where forward and backward flow disagree by more than this."""
    reblur: float = 0.5
    """Weight of rho(reblur(S, B), B); 0 leaves the reblurring module out unless sigma is supervised by it."""
    low_logits: float = 0.0
    """Weight of what the estimator's logits lie below the smallest that means anything (with ``decoupled``)."""
    pseudo_sigma: float = 0.5
    """Weight of the estimator's supervision by the reblurring module; 0 lets the deblurring loss train it."""
    reblur_source: Literal["restored", "warped_sharp"] = "warped_sharp"
    """Where the kernels come from: the paper's restored image S, or the sharp image moved onto B."""
    triplet_share: float = 0.375
    """Share of the batch, from stage 2 on, whose blurry image is the moved sharp one under the kernels found: a
    triplet that is aligned by construction. Needs ``reblur_source="warped_sharp"``."""
    sharp_share: float = 0.125
    """Share of the batch whose blurry image is the sharp one itself (kernel: identity, sigma: 0)."""
    decoupled: bool = False
    """Whether the two networks are trained apart: the deblurring network on pairs alone and without its fade, the
    estimator by the reblurring module's sigma and by sharp crops of its own, ``sharp_share`` of the batch on top of
    it. Only the fade, which training leaves out, brings them together again."""

    def __post_init__(self) -> None:
        if self.decoupled and (self.deform != "moved" or self.triplet_share or self.reblur or not self.makes_triplets):
            raise ReblurError(
                'decoupled needs deform="moved", reblur=0, triplet_share=0, pseudo_sigma > 0 and '
                'reblur_source="warped_sharp"'
            )
        if self.triplet_share < 0 or self.sharp_share < 0 or self.triplet_share + self.sharp_share >= 1:
            raise ReblurError(
                "triplet_share and sharp_share must be 0 or more and sum to less than 1, "
                f"got {self.triplet_share} and {self.sharp_share}"
            )
        if self.triplet_share and not self.makes_triplets:
            raise ReblurError('triplets need the reblurring module with reblur_source="warped_sharp"')

    @property
    def uses_reblurring(self) -> bool:
        """Whether the reblurring module takes part at all."""
        return self.reblur > 0 or self.pseudo_sigma > 0

    @property
    def makes_triplets(self) -> bool:
        """Whether the reblurring module looks at the moved sharp image, so that its kernels make triplets."""
        return self.uses_reblurring and self.reblur_source == "warped_sharp"


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Schedule and optimiser."""

    steps: int
    """Optimiser steps in all."""
    stage_one_share: float = 0.35
    """Share of the steps in stage 1, during which the sigma prior is also ramped up from 0."""
    stage_three_from: float = 1.0
    """Share of the steps after which the reblurring module rests: its kernels are applied once to each pair of the
    pool, and the two networks that ship train on these triplets at a fraction of the cost; 1 leaves stage 3 out."""
    batch_size: int = 8
    """Crops per step."""
    crop_px: int = 128
    """Side of a crop."""
    pool_size: int = 720
    """Scenes held ready; each keeps its flow, computed once."""
    pool_refresh: int = 1
    """Pairs replaced by new ones every ``refresh_every`` steps; 0 keeps the first ones."""
    refresh_every: int = 1
    """Steps between such renewals."""
    prior_ramp_from: float = 0.0
    """Factor on the blur map at the start of stage 1, from where it grows to 1 (the paper: about 0)."""
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
    reblur_first_steps: int = 0
    """Steps before all others in which the reblurring module is trained alone: for a run that starts from a
    deblurring network trained before, which a fresh module would lead astray."""
    reblur_first_rate: float = 6e-4
    """Peak rate in those steps; in the paper the others follow at a tenth to a hundredth of it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions; weights, kernels, losses, flow and the moving average are float32 in either case."""
    channels_last: bool = True
    """Whether the networks' tensors lie channels-last on a GPU, where convolutions are faster so."""
    compile: bool = False
    """Whether the networks go through torch.compile: a minute at the start, then faster steps."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "pool_size", "refresh_every", "log_every", "evaluate_every"):
            if getattr(self, name) < 1:
                raise ReblurError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "reblur_first_rate"):
            if not getattr(self, name) > 0:
                raise ReblurError(f"{name} must be positive, got {getattr(self, name)}")
        if self.reblur_first_steps < 0:
            raise ReblurError(f"reblur_first_steps must be 0 or more, got {self.reblur_first_steps}")
        if self.precision not in ("float32", "bfloat16"):
            raise ReblurError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        if not 0.0 <= self.stage_one_share <= self.stage_three_from:
            raise ReblurError(
                "stage_one_share must be within [0, stage_three_from], "
                f"got {self.stage_one_share} and {self.stage_three_from}"
            )
        if self.crop_px < 16 or self.crop_px % 16:
            raise ReblurError(f"crop_px must be a multiple of 16, got {self.crop_px}")

    @property
    def total_steps(self) -> int:
        """All steps, those of the reblurring module alone included."""
        return self.reblur_first_steps + self.steps


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
        if self.fit.stage_three_from < 1.0 and not self.loss.makes_triplets:
            raise ReblurError('stage 3 needs kernels between moved sharp and blurry: reblur_source="warped_sharp"')
        if self.loss.decoupled and self.networks.deblur.kind != "unet":
            raise ReblurError(f"decoupled needs the plain U-Net, whose residual fades, got {self.networks.deblur.kind}")
        if self.fit.crop_px > self.scenes.size_px:
            raise ReblurError(
                f"crop_px ({self.fit.crop_px}) must not exceed the scenes' size_px ({self.scenes.size_px})"
            )
        if self.fit.reblur_first_steps and not self.loss.uses_reblurring:
            raise ReblurError("reblur_first_steps needs losses that use the reblurring module")

    def to_json(self) -> str:
        """The whole configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)
