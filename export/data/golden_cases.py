"""Golden cases: inputs of each graph, what the float reference answers, and the exact answer where it is known.

Inputs are such that small files hold them exactly: eight bits a number, and a tile mirrored until it fills the
graph. So an application carries few bytes, and feeds the very numbers that the reference was fed.
``export.data.golden_files`` stores them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from export.data.exact_blur import exact_refocus
from export.data.layered_scenes import SCENES, Layer, seen_in_focus, seen_through_a_lens
from export.data.pictures import blur_like_light, diagonal_ramp, load_picture
from export.data.sigma_maps import refocusing_map, smooth_maps, step_maps
from export.graphs.specs import GraphSpec
from export.recipes.targets import ALL_GRAPHS, BLURS
from runtime.manifest.golden_vectors import mirrored, sampled
from runtime.manifest.records import TensorMeaning
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from train.networks.deblur import Fade

SYNTHETIC = "synthetic"
"""A picture blurred on purpose, by a known map that rises towards one corner."""
SYNTHETIC_EVEN = "synthetic-even"
"""A picture blurred on purpose, the same everywhere; its map is the estimated one, as in use."""
WARM = "warm-light"
"""The same in the light of a lamp. In daylight's grey the three channels look alike, and a file that takes one for
another answers much the same."""
FAINT = "faint"
"""A picture said to be blurred so little that the deblurring is fading in: what it adds grows twice as fast and more as
sigma there, so a map in a wrong unit shows."""
ALL_IN_FOCUS = "all-in-focus"
"""The fused graph asked for no blur at all, so that what it answers is the deblurred picture."""
NOISE = "noise"
"""The one case that is no picture."""
EVEN_SIGMA_PX = 2.0
WARM_LIGHT = (1.0, 0.5, 0.25)
"""Of a lamp, relative to red, in code values."""
TILE_PX = 256
"""Side of the stored tile, or that of the graph where it is smaller."""
LARGEST_CODE, LARGEST_SIGNED_CODE = 255, 127
SIGNED_CODES = 128
SAMPLES_PER_SIDE = 40
"""Least number of output pixels that files keep along either axis, where there are as many."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Inputs of one graph and the float reference's outputs, by name; each (1, C, H, W) float32."""

    graph: str
    name: str
    inputs: dict[str, FloatArray]
    outputs: dict[str, FloatArray]
    """At every ``stride_px``-th pixel of every such row."""
    divisors: dict[str, float] = field(default_factory=dict)
    """Input -> what its stored numbers are divided by."""
    stride_px: int = 1
    truth: dict[str, FloatArray] = field(default_factory=dict)
    """What a perfect graph would answer, by output; empty where nobody knows. At every ``truth_stride_px``-th pixel."""
    truth_stride_px: int = 1
    """A multiple of ``stride_px``."""
    achieved: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Arithmetic -> metric -> what the float model itself reaches in it, see ``export.verification.achievable``."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the graph's tensors."""
        height, width = next(iter(self.inputs.values())).shape[2:]
        return height, width

    def sampled(self, value: FloatArray) -> FloatArray:
        """A tensor of the inputs' height and width, at the pixels that the outputs have.

        Raises:
            ReblurError: it has another height or width.
        """
        height, width = self.size_px
        if value.shape[2:] != (height, width):
            raise ReblurError(
                f"an output should have shape (1, C, {height}, {width}) like the inputs, got {value.shape}"
            )
        return sampled(value, self.stride_px)

    def at_truth(self, value: FloatArray) -> FloatArray:
        """A tensor at the outputs' pixels, at those that the truth has."""
        return sampled(value, self.truth_stride_px // self.stride_px)


def make_cases(
    specs: Mapping[str, GraphSpec], height: int, width: int, graphs: Collection[str] = ALL_GRAPHS
) -> list[Case]:
    """The cases of the networks and of what else is wanted, answered at every pixel, with the truth where known (*).

    | graph | case | inputs |
    |---|---|---|
    | defocus, deblur | astronaut, camera | photographs, with the estimated sigma map |
    | | synthetic * | a photograph blurred exactly by a known smooth map, with that map |
    | | synthetic-even * | another one blurred evenly, with the estimated map |
    | defocus | warm-light | the first one in the light of a lamp |
    | deblur | faint | a sharp photograph, with a map that lets half of the restoration through |
    | defocus, deblur | noise | uniform noise, in the picture and in the map |
    | refocus, preview | astronaut | a map as the optics make it, in front of a tapped point and behind it |
    | | smooth-... * | slopes: see ``export.data.sigma_maps`` |
    | | noise | uniform noise, in the picture and in the map |
    | refocus | subject..., front..., twigs * | layers: see ``export.data.layered_scenes`` |
    | preview | step-... * | sudden changes in every direction, to be gathered exactly |
    | fused | astronaut | as for refocus, from the photograph itself |
    | | synthetic * | the blurred photograph, to be blurred along a slope |
    | | all-in-focus * | the evenly blurred photograph, with no blur asked for |
    | | noise | as above |

    Args:
        specs: the graphs, all of them.
        height: of every tensor, in pixels.
        width: of every tensor, in pixels.
        graphs: those that are wanted.
    """
    side = tile_px(height, width)
    largest_px = specs["defocus"].outputs[0].range[1]
    maker = _Maker(specs, height, width)
    ramp_px = diagonal_ramp(side, side, largest_px)
    weak_px = as_stored(0.7 * ramp_px, specs["defocus"].outputs[0])
    even_px, no_blur_px = torch.full_like(ramp_px, EVEN_SIGMA_PX), torch.zeros_like(ramp_px)
    noise, noise_px = _noise(largest_px, side)
    astronaut, camera, motorcycle = (load_picture(name, side, side) for name in ("astronaut", "camera", "motorcycle"))
    faint_px = as_stored(torch.full_like(ramp_px, half_faded_px(specs["deblur"])), specs["deblur"].inputs[1])
    blurred, evenly = blur_like_light(motorcycle, weak_px), blur_like_light(camera, even_px)
    defocus = [
        maker.case("defocus", "astronaut", astronaut),
        maker.case("defocus", "camera", camera),
        maker.case("defocus", SYNTHETIC, blurred, truth=weak_px),
        maker.case("defocus", SYNTHETIC_EVEN, evenly, truth=even_px),
        maker.case("defocus", WARM, blurred * torch.tensor(WARM_LIGHT).view(1, 3, 1, 1)),
        maker.case("defocus", NOISE, noise),
    ]
    estimated = {case.name: torch.from_numpy(case.outputs["sigma_px"][..., :side, :side]) for case in defocus}
    target_px = specs["refocus"].inputs[1].range[1]
    focused_px = refocusing_map(estimated["astronaut"], ramp_px, target_px)
    smooth, step = smooth_maps(side, target_px), step_maps(side, target_px)
    detailed, sloping_px = _cropped("motorcycle", side), smooth_maps(side, largest_px)["smooth-diagonal"]
    signed_px = (2.0 * noise_px / largest_px - 1.0) * target_px
    blurs = [graph for graph in BLURS if graph in graphs]
    scenes = SCENES if "refocus" in graphs else {}
    return [
        *defocus,
        maker.case("deblur", "astronaut", astronaut, estimated["astronaut"]),
        maker.case("deblur", "camera", camera, estimated["camera"]),
        maker.case("deblur", SYNTHETIC, blurred, weak_px, truth=motorcycle),
        maker.case("deblur", SYNTHETIC_EVEN, evenly, estimated[SYNTHETIC_EVEN], truth=camera),
        maker.case("deblur", FAINT, detailed, faint_px),
        maker.case("deblur", NOISE, noise, noise_px),
        *(maker.case(graph, "astronaut", astronaut, focused_px) for graph in blurs),
        *(
            maker.blurred_case(graph, name, detailed, px)
            for graph in blurs
            for name, px in (smooth if graph == "refocus" else {**smooth, **step}).items()
        ),
        *(maker.layered_case("refocus", name, scene.layers(detailed, astronaut)) for name, scene in scenes.items()),
        *(maker.case(graph, NOISE, noise, signed_px) for graph in blurs),
        *(
            (
                maker.case("fused", "astronaut", astronaut, focused_px),
                maker.blurred_case("fused", SYNTHETIC, blurred, sloping_px, sharp=motorcycle),
                maker.blurred_case("fused", ALL_IN_FOCUS, evenly, no_blur_px, sharp=camera),
                maker.case("fused", NOISE, noise, signed_px),
            )
            if "fused" in graphs
            else ()
        ),
    ]


def tile_px(height: int, width: int) -> int:
    """Side of the tile that fills inputs of this size."""
    return min(TILE_PX, height, width)


def half_faded_px(deblur: GraphSpec) -> float:
    """Sigma in the middle of the deblurring network's fade."""
    (fade,) = (module.config for module in deblur.module.modules() if isinstance(module, Fade))
    return (fade.start_px + fade.full_px) / 2.0


def output_stride_px(height: int, width: int) -> int:
    """The largest odd stride that leaves ``SAMPLES_PER_SIDE`` pixels along the shorter side, at least 1.

    Odd, because the networks halve the resolution a few times: an even stride would see one kind of pixel only.
    """
    largest = max(1, min(height, width) // SAMPLES_PER_SIDE)
    return largest - 1 + largest % 2


def divisor_of(meaning: TensorMeaning) -> float:
    """What eight-bit numbers are divided by: 255 for a picture, else a power of two that leaves room for the range.

    Of a range with a sign the last quarter of a pixel is left out.
    """
    low, high = meaning.range
    if meaning.color_space is not None:
        return float(LARGEST_CODE)
    return 2.0 ** math.floor(math.log2((LARGEST_CODE if low >= 0.0 else SIGNED_CODES) / high))


def as_stored(tile: Tensor, meaning: TensorMeaning) -> Tensor:
    """A tensor rounded to what eight bits can say, within its range."""
    divisor = divisor_of(meaning)
    low, high = (math.floor(bound * divisor) for bound in meaning.range)
    high = min(high, LARGEST_CODE)
    if low < 0:
        low, high = max(low, 1 - LARGEST_SIGNED_CODE), min(high, LARGEST_SIGNED_CODE)
    return (tile * divisor).round().clamp(low, high) / divisor


@dataclass(frozen=True)
class _Maker:
    """Makes cases of one size, from one (1, C, side, side) tile for each input."""

    specs: Mapping[str, GraphSpec]
    height: int
    width: int
    truths: dict[bytes, FloatArray] = field(default_factory=dict)
    """Digest of a picture and a map -> its exact blur: several graphs are asked for the same one."""

    def case(self, graph: str, name: str, *tiles: Tensor, truth: Tensor | None = None) -> Case:
        """The case with the float reference's answer; ``truth`` is a tile of what a perfect graph would say."""
        whole = None if truth is None else mirrored(truth.numpy(), self.height, self.width)
        return self._answered(graph, name, tiles, whole, 1)

    def blurred_case(
        self, graph: str, name: str, image: Tensor, target_px: Tensor, sharp: Tensor | None = None
    ) -> Case:
        """A case whose truth is the exact blur of ``sharp``, or of the image as it is stored."""
        spec, stride_px = self.specs[graph], output_stride_px(self.height, self.width)
        picture, sigma = (
            mirrored(tile.numpy(), self.height, self.width)
            for tile in (
                as_stored(image, spec.inputs[0]) if sharp is None else sharp,
                as_stored(target_px, spec.inputs[1]),
            )
        )
        digest = hashlib.sha256(picture.tobytes() + sigma.tobytes()).digest()
        if digest not in self.truths:
            self.truths[digest] = exact_refocus(picture, sigma, stride_px)
        truth = self.truths[digest]
        return self._answered(graph, name, (image, target_px), truth, stride_px)

    def layered_case(self, graph: str, name: str, layers: Sequence[Layer]) -> Case:
        """A case whose truth is what a lens makes of a scene."""
        whole = [
            Layer(picture=self._filled(x.picture), coverage=self._filled(x.coverage), sigma_px=x.sigma_px)
            for x in layers
        ]
        truth = seen_through_a_lens(whole).numpy()
        return self._answered(graph, name, seen_in_focus(layers), truth, 1)

    def _filled(self, tile: Tensor) -> Tensor:
        return torch.from_numpy(mirrored(tile.numpy(), self.height, self.width))

    def _answered(
        self, graph: str, name: str, tiles: tuple[Tensor, ...], truth: FloatArray | None, truth_stride_px: int
    ) -> Case:
        """The case, with a truth at every ``truth_stride_px``-th pixel thinned to those that are kept."""
        spec = self.specs[graph]
        inputs = {
            meaning.name: mirrored(as_stored(tile, meaning).numpy(), self.height, self.width)
            for meaning, tile in zip(spec.inputs, tiles, strict=True)
        }
        with torch.no_grad():
            result = spec.module(*(torch.from_numpy(value) for value in inputs.values()))
        output, stride_px = spec.outputs[0].name, output_stride_px(self.height, self.width)
        return Case(
            graph=graph,
            name=name,
            inputs=inputs,
            outputs={output: result.contiguous().numpy()},
            divisors={meaning.name: divisor_of(meaning) for meaning in spec.inputs},
            truth={} if truth is None else {output: sampled(truth, stride_px // truth_stride_px)},
            truth_stride_px=1 if truth is None else stride_px,
        )


def _cropped(name: str, side: int) -> Tensor:
    """The middle of a picture as it is on a full tile, so that it has no more detail on a smaller one."""
    first = (TILE_PX - side) // 2
    return load_picture(name, TILE_PX, TILE_PX)[:, :, first : first + side, first : first + side].contiguous()


def _noise(largest_px: float, side: int) -> tuple[Tensor, Tensor]:
    """Uniform noise over the range of a picture and of a map from 0."""
    generator = torch.Generator().manual_seed(20)
    picture = torch.rand(1, 3, side, side, generator=generator)
    return picture, largest_px * torch.rand(1, 1, side, side, generator=generator)
