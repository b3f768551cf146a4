"""The deployable graphs and their contract: the one place where a tensor's meaning is written down.

defocus: image -> sigma_px.    deblur: image, sigma_px -> sharp.    refocus: sharp, target_sigma_px -> refocused.
preview: as refocus, without occlusion, in six tenths of the time: for a finger that moves.
fused: image, target_sigma_px -> refocused, all three in one file, for a map of blur that is known beforehand (from a
depth camera, say). It deblurs again for every target, so an application with a finger on the glass wants the three.

All graphs are NCHW float32 here; a writer changes layout and type at the border of its own format.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.graphs.multiscale_blur import SIGMA_MAX_PX
from export.graphs.refocus import HALO_PX, Preview, Refocus
from runtime.manifest.manifest import TensorMeaning
from runtime.refocusing.highlights import LARGEST_LIGHT
from train.checkpoint import Deployable
from train.networks.deblur import DeblurNet
from train.networks.unet import UNet

LARGEST_CODE_VALUE = math.sqrt(LARGEST_LIGHT)
"""Of a lamp, see ``runtime.refocusing.highlights``."""


@dataclass(frozen=True, kw_only=True)
class GraphSpec:
    """What a graph is, before it becomes a file."""

    name: str
    summary: str
    inputs: tuple[TensorMeaning, ...]
    outputs: tuple[TensorMeaning, ...]
    halo_px: int
    """Distance from which an input pixel can still change an output pixel; the overlap that tiling needs."""
    module: nn.Module
    """NCHW float32, in eval mode."""


class DeblurGraph(nn.Module):
    """The deblurring network with its output clamped to the picture range."""

    def __init__(self, network: DeblurNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB, (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        return torch.clamp(self.network(image, sigma_px), 0.0, 1.0)


class FusedGraph(nn.Module):
    """The three graphs in a row; each is a module of the other specs, so the weights are shared."""

    def __init__(self, defocus: nn.Module, deblur: nn.Module, refocus: nn.Module) -> None:
        super().__init__()
        self.defocus = defocus
        self.deblur = deblur
        self.refocus = refocus

    def forward(self, image: Tensor, target_sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB, (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        sharp = self.deblur(image, self.defocus(image))
        return self.refocus(sharp, target_sigma_px)


def picture(name: str, meaning: str, largest: float = 1.0) -> TensorMeaning:
    """Contract of an sRGB picture."""
    return TensorMeaning(
        name=name,
        channels=3,
        channel_order="RGB",
        color_space="sRGB",
        unit=None,
        range=(0.0, largest),
        meaning=meaning,
    )


def sigma_map(name: str, sigma_max_px: float, meaning: str, sigma_min_px: float = 0.0) -> TensorMeaning:
    """Contract of a map of blur sigmas."""
    return TensorMeaning(
        name=name,
        channels=1,
        channel_order=None,
        color_space=None,
        unit="px",
        range=(sigma_min_px, sigma_max_px),
        meaning=meaning,
    )


def unet_halo_px(unet: UNet) -> int:
    """Receptive-field radius of a U-Net in input pixels, rounded up to its size multiple.

    Every 3x3 convolution at 1/s of the resolution reaches s pixels further, the 6x6 stem three; the transposed
    convolutions do not overlap and add up to s.
    """
    config = unet.config
    reach = 3
    for level, (up, down) in enumerate(zip(config.encoder_blocks, config.decoder_blocks, strict=True)):
        scale = 2 ** (level + 1)
        reach += scale * (up + down)
        reach += scale + 2 * scale  # the strided convolution down, the transposed one back up
    reach += 2 ** len(config.widths) * config.middle_blocks
    multiple = config.size_multiple
    return -(-(reach + 1) // multiple) * multiple


def build_graphs(networks: Deployable) -> dict[str, GraphSpec]:
    """The graphs of a checkpoint: three as a photograph passes through them, a quick third, then all in one."""
    sigma_max_px = networks.config.sigma_max_px
    image = picture("image", "the photograph")
    sigma = sigma_map("sigma_px", sigma_max_px, "standard deviation of the photograph's defocus blur, per axis")
    sharp = picture("sharp", "the photograph with its defocus removed")
    lit = picture("sharp", f"{sharp.meaning}; lamps that the sensor clipped may be above 1", LARGEST_CODE_VALUE)
    target = sigma_map(
        "target_sigma_px",
        SIGMA_MAX_PX,
        "standard deviation of the blur to apply, per axis; negative in front of the plane of focus",
        -SIGMA_MAX_PX,
    )
    refocused = picture("refocused", "the picture with its new focus")
    defocus = GraphSpec(
        name="defocus",
        summary="estimates the defocus map of a photograph",
        inputs=(image,),
        outputs=(sigma,),
        halo_px=unet_halo_px(networks.defocus.unet),
        module=networks.defocus.eval(),
    )
    deblur = GraphSpec(
        name="deblur",
        summary="removes the defocus from a photograph, given its defocus map",
        inputs=(image, sigma),
        outputs=(sharp,),
        halo_px=unet_halo_px(networks.deblur.unet),
        module=DeblurGraph(networks.deblur).eval(),
    )
    refocus = GraphSpec(
        name="refocus",
        summary="blurs an all-in-focus picture with a signed sigma of its own at each pixel, with occlusion",
        inputs=(lit, target),
        outputs=(refocused,),
        halo_px=HALO_PX,
        module=Refocus().eval(),
    )
    preview = GraphSpec(
        name="preview",
        summary="the same without occlusion, in six tenths of the time",
        inputs=(lit, target),
        outputs=(refocused,),
        halo_px=HALO_PX,
        module=Preview().eval(),
    )
    fused = GraphSpec(
        name="fused",
        summary="removes the defocus from a photograph and blurs it anew, with a sigma of its own at each pixel",
        inputs=(image, target),
        outputs=(refocused,),
        # What each graph reaches beyond a pixel adds up.
        halo_px=defocus.halo_px + deblur.halo_px + refocus.halo_px,
        module=FusedGraph(defocus.module, deblur.module, refocus.module).eval(),
    )
    return {spec.name: spec for spec in (defocus, deblur, refocus, preview, fused)}


def example_inputs(spec: GraphSpec, height: int, width: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Random inputs within each tensor's range, for tracing: one (1, C, H, W) float32 tensor per input."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.rand(1, tensor.channels, height, width, generator=generator) * (tensor.range[1] - tensor.range[0])
        + tensor.range[0]
        for tensor in spec.inputs
    )
