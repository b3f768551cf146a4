"""Golden cases: inputs of each graph and what the float reference answers. ``export.golden_files`` stores them.

Inputs are such that small files hold them exactly: eight bits a number, and a tile mirrored until it fills the
graph. So an application carries few bytes, and feeds the very numbers that the reference was fed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.graphs import GraphSpec
from export.pictures import blur_like_light, diagonal_ramp, load_picture
from runtime.golden import mirrored, sampled
from runtime.schema import TensorMeaning

SYNTHETIC = "synthetic"
"""The one case whose picture was blurred on purpose, by a known map."""
NOISE = "noise"
"""The one case that is no picture."""
TILE_PX = 256
"""Side of the stored tile, or that of the graph where it is smaller."""
LARGEST_CODE = 255

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Inputs of one graph and the float reference's outputs, by name; each (1, C, H, W) float32."""

    graph: str
    name: str
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    """At every ``stride_px``-th pixel of every such row."""
    divisors: dict[str, float] = field(default_factory=dict)
    """Input -> what its stored numbers are divided by."""
    stride_px: int = 1

    def sampled(self, value: Array) -> Array:
        """A tensor of the inputs' height and width, at the pixels that the outputs have.

        Raises:
            ValueError: it has another height or width.
        """
        size = next(iter(self.inputs.values())).shape[2:]
        if value.shape[2:] != size:
            raise ValueError(
                f"an output should have shape (1, C, {size[0]}, {size[1]}) like the inputs, got {value.shape}"
            )
        return sampled(value, self.stride_px)


def make_cases(specs: Mapping[str, GraphSpec], height: int, width: int) -> list[Case]:
    """The cases of all graphs, answered at every pixel.

    | graph | case | inputs |
    |---|---|---|
    | defocus, deblur | astronaut, camera | photographs, with the estimated sigma map |
    | | synthetic | a photograph blurred exactly by a known smooth map, with that map |
    | | noise | uniform noise, in the picture and in the map |
    | refocus | astronaut | a map as the optics make it: blur growing with the distance in sigma from a tapped point |
    | | smooth, step | a ramp from 0 to the largest sigma; a sudden change between both, along a slanted edge |
    | | noise | uniform noise, with the step |

    Args:
        specs: the graphs, all three.
        height: of every tensor, in pixels.
        width: of every tensor, in pixels.
    """
    side = tile_px(height, width)
    sigma = specs["defocus"].outputs[0]
    largest_px = sigma.range[1]

    def answered(graph: str, name: str, *tiles: Tensor) -> Case:
        return _answered(specs[graph], name, tiles, height, width)

    ramp_px = diagonal_ramp(side, side, largest_px)
    weak_px = as_stored(0.7 * ramp_px, sigma)
    step_px = _slanted_step(ramp_px)
    noise, noise_px = _noise(largest_px, side)
    motorcycle = load_picture("motorcycle", side, side)
    pictures = {
        "astronaut": load_picture("astronaut", side, side),
        "camera": load_picture("camera", side, side),
        SYNTHETIC: blur_like_light(motorcycle, weak_px),
        NOISE: noise,
    }
    cases = [answered("defocus", name, tile) for name, tile in pictures.items()]
    maps = {case.name: torch.from_numpy(case.outputs["sigma_px"][..., :side, :side]) for case in cases}
    focused_px = _refocusing_map(maps["astronaut"], ramp_px)
    maps |= {SYNTHETIC: weak_px, NOISE: noise_px}
    cases += [answered("deblur", name, tile, maps[name]) for name, tile in pictures.items()]
    return [
        *cases,
        answered("refocus", "astronaut", pictures["astronaut"], focused_px),
        answered("refocus", "smooth", motorcycle, ramp_px),
        answered("refocus", "step", motorcycle, step_px),
        answered("refocus", NOISE, noise, step_px),
    ]


def tile_px(height: int, width: int) -> int:
    """Side of the tile that fills inputs of this size."""
    return min(TILE_PX, height, width)


def divisor_of(meaning: TensorMeaning) -> float:
    """What eight-bit numbers are divided by: 255 for a picture, else a power of two that leaves room for the range."""
    largest = meaning.range[1]
    return float(LARGEST_CODE) if largest == 1.0 else 2.0 ** math.floor(math.log2(LARGEST_CODE / largest))


def as_stored(tile: Tensor, meaning: TensorMeaning) -> Tensor:
    """A tensor rounded to what eight bits can say, within its range."""
    divisor = divisor_of(meaning)
    low, high = (math.floor(bound * divisor) for bound in meaning.range)
    return (tile * divisor).round().clamp(low, high) / divisor


def _answered(spec: GraphSpec, name: str, tiles: tuple[Tensor, ...], height: int, width: int) -> Case:
    """The case with the float reference's answer, from one tile for each input."""
    inputs = {
        meaning.name: mirrored(as_stored(tile, meaning).numpy(), height, width)
        for meaning, tile in zip(spec.inputs, tiles, strict=True)
    }
    with torch.no_grad():
        result = spec.module(*(torch.from_numpy(value) for value in inputs.values()))
    return Case(
        graph=spec.name,
        name=name,
        inputs=inputs,
        outputs={spec.outputs[0].name: result.contiguous().numpy()},
        divisors={meaning.name: divisor_of(meaning) for meaning in spec.inputs},
    )


def _noise(largest_px: float, side: int) -> tuple[Tensor, Tensor]:
    """Uniform noise over the range of a picture and of a sigma map."""
    generator = torch.Generator().manual_seed(20)
    picture = torch.rand(1, 3, side, side, generator=generator)
    return picture, largest_px * torch.rand(1, 1, side, side, generator=generator)


def _slanted_step(ramp_px: Tensor) -> Tensor:
    """A tenth of the largest sigma above the diagonal of ``ramp_px``, nine tenths below: (1, 1, H, W)."""
    largest = float(ramp_px.max())
    return torch.where(ramp_px < 0.5 * largest, 0.1 * largest, 0.9 * largest)


def _refocusing_map(sigma_px: Tensor, ramp_px: Tensor) -> Tensor:
    """Sharp where the defocus equals that at the middle of the picture, blurrier with the difference.

    The difference is that of the estimated map and a slope, so that the map has detail whatever the estimator
    says of a sharp picture: (1, 1, H, W).
    """
    depth = sigma_px + ramp_px
    middle = depth[:, :, depth.shape[2] // 2, depth.shape[3] // 2].view(1, 1, 1, 1)
    return (depth - middle).abs().clamp(0.0, float(ramp_px.max()))
