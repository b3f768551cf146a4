"""Golden vectors: inputs of each graph and what the float reference answers, as raw files.

``export.verify`` and the applications check the artefacts against these files. Each is little-endian float32
without a header, in NCHW order; the manifest gives its shape. Equal tensors share one file: the sigma map that
the estimator puts out for a picture is the one that the deblurring network takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.graphs import GraphSpec
from export.pictures import blur_like_light, diagonal_ramp, load_picture
from runtime.files import write_atomically
from runtime.manifest import sha256_of
from runtime.schema import GoldenCase, GoldenTensor

FOLDER = "golden"
SYNTHETIC = "synthetic"
"""The one case whose picture was blurred on purpose, by a known map."""
NOISE = "noise"
"""The one case that is no picture."""

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Inputs of one graph and the float reference's outputs, by name; each (1, C, H, W) float32."""

    graph: str
    name: str
    inputs: dict[str, Array]
    outputs: dict[str, Array]


def make_cases(specs: Mapping[str, GraphSpec], height: int, width: int) -> list[Case]:
    """The cases of all graphs.

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
    astronaut = load_picture("astronaut", height, width)
    motorcycle = load_picture("motorcycle", height, width)
    noise, noise_px = _noise(specs, height, width)
    ramp_px = diagonal_ramp(height, width, specs["defocus"].outputs[0].range[1])
    blurred = blur_like_light(motorcycle, 0.7 * ramp_px)
    photographs = {"astronaut": astronaut, "camera": load_picture("camera", height, width)}
    cases = []
    estimated = {}
    for name, image in {**photographs, SYNTHETIC: blurred, NOISE: noise}.items():
        case = _answered(specs["defocus"], name, (image,))
        cases.append(case)
        estimated[name] = torch.from_numpy(case.outputs["sigma_px"])
    maps = {**estimated, SYNTHETIC: 0.7 * ramp_px, NOISE: noise_px}
    for name, image in {**photographs, SYNTHETIC: blurred, NOISE: noise}.items():
        cases.append(_answered(specs["deblur"], name, (image, maps[name])))
    step_px = _slanted_step(ramp_px)
    sharp = torch.from_numpy(cases[len(maps)].outputs["sharp"])
    for name, inputs in {
        "astronaut": (sharp, _refocusing_map(estimated["astronaut"], ramp_px)),
        "smooth": (motorcycle, ramp_px),
        "step": (motorcycle, step_px),
        NOISE: (noise, step_px),
    }.items():
        cases.append(_answered(specs["refocus"], name, inputs))
    return cases


def save_cases(cases: Sequence[Case], directory: Path) -> tuple[GoldenCase, ...]:
    """Write the cases' tensors under ``directory``/golden and describe them for the manifest.

    Raises:
        ValueError: a file cannot be written.
    """
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    written: dict[str, str] = {}

    def save(case: Case, name: str, value: Array) -> GoldenTensor:
        content = np.ascontiguousarray(value, dtype="<f4").tobytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest not in written:
            written[digest] = f"{FOLDER}/{case.graph}.{case.name}.{name}.f32"
            write_atomically(directory / written[digest], content)
        return GoldenTensor(name=name, path=written[digest], shape=value.shape, layout="NCHW", sha256=digest)

    return tuple(
        GoldenCase(
            graph=case.graph,
            case=case.name,
            inputs=tuple(save(case, name, value) for name, value in case.inputs.items()),
            outputs=tuple(save(case, name, value) for name, value in case.outputs.items()),
        )
        for case in cases
    )


def load_case(golden: GoldenCase, directory: Path, *, check_digests: bool = True) -> Case:
    """Read a case back.

    Raises:
        ValueError: a file is missing, of another size, or (if ``check_digests``) not the one described.
    """

    def load(tensor: GoldenTensor) -> Array:
        path = directory / tensor.path
        if not path.is_file():
            raise ValueError(f"{path} is missing, though the manifest lists it: run `make export` again")
        if check_digests and sha256_of(path) != tensor.sha256:
            raise ValueError(f"{path} is not the file that the manifest describes: run `make export` again")
        expected = 4 * int(np.prod(tensor.shape))
        if path.stat().st_size != expected:
            raise ValueError(f"{path} should have {expected} bytes, has {path.stat().st_size}")
        return np.fromfile(path, dtype="<f4").astype(np.float32).reshape(tensor.shape)

    return Case(
        graph=golden.graph,
        name=golden.case,
        inputs={tensor.name: load(tensor) for tensor in golden.inputs},
        outputs={tensor.name: load(tensor) for tensor in golden.outputs},
    )


def _answered(spec: GraphSpec, name: str, inputs: tuple[Tensor, ...]) -> Case:
    """The case with the float reference's answer."""
    with torch.no_grad():
        result = spec.module(*inputs)
    return Case(
        graph=spec.name,
        name=name,
        inputs={tensor.name: value.numpy() for tensor, value in zip(spec.inputs, inputs, strict=True)},
        outputs={spec.outputs[0].name: result.contiguous().numpy()},
    )


def _noise(specs: Mapping[str, GraphSpec], height: int, width: int) -> tuple[Tensor, Tensor]:
    """Uniform noise over the range of a picture and of a sigma map."""
    generator = torch.Generator().manual_seed(20)
    largest = specs["defocus"].outputs[0].range[1]
    picture = torch.rand(1, 3, height, width, generator=generator)
    return picture, largest * torch.rand(1, 1, height, width, generator=generator)


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
