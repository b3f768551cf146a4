"""The pipeline from photograph to refocused picture: the runtime's own, on files and on the float networks.

Each graph by itself may be within its gates and the three still not go together: an error in the map moves what the
deblurring does and, twice, where the picture is sharp. So photographs are analysed and refocused by
``runtime.refocusing.pipeline``, tiles and optics included, once with the float networks and once with the files.

The reference is made once and travels as a file, for processes that have no networks.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.data.pictures import blur_like_light, diagonal_ramp, load_picture
from export.graphs.specs import GraphSpec
from export.recipes.targets import NETWORKS
from export.verification.gates import PIPELINE, compare_pictures, gate_rules
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.refocusing.pipeline import GRAPHS, RefocusPipeline
from runtime.refocusing.tiling import ALIGNMENT_PX, TiledGraph
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically

GOLDEN, GOLDEN_SIZE_PX = "golden", (96, 128)
"""The case that applications have, too, and its height and width."""
STRIDE_PX = 3
"""The reference keeps every such pixel of every such row."""
LARGEST_BLUR = 0.7
"""Of the blurred photograph, relative to the largest sigma."""


@dataclass(frozen=True, kw_only=True)
class EndToEndCase:
    """A photograph, what is asked for, and what the float networks make of it."""

    name: str
    photo: NDArray[np.uint8]
    """(H, W, 3) sRGB."""
    focus_xy: tuple[float, float]
    """The tapped point, in [0, 1]."""
    aperture: float
    """f-number."""
    refocused: FloatArray
    """(h, w, 3) sRGB in [0, 1], at every ``STRIDE_PX``-th pixel."""


@dataclass(frozen=True, kw_only=True)
class PipelineReference:
    """What the float networks answer, and what of the manifest a pipeline goes by."""

    sigma_max_px: float
    target_max_px: float
    halo_px: Mapping[str, int]
    """Graph -> its halo."""
    cases: tuple[EndToEndCase, ...]
    size_px: tuple[int, int] = (0, 0)
    """Height and width of the graphs' tensors."""


def float_graph(spec: GraphSpec, height: int, width: int) -> TiledGraph:
    """A graph of the float reference, for tensors of this size."""

    def run(inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        with torch.no_grad():
            result = spec.module(*(torch.from_numpy(inputs[tensor.name]) for tensor in spec.inputs))
        return {spec.outputs[0].name: result.contiguous().numpy()}

    return TiledGraph(run=run, size_px=(height, width), halo_px=spec.halo_px)


def make_reference(specs: Mapping[str, GraphSpec], height: int, width: int) -> PipelineReference:
    """Run the pipeline on the float networks.

    | case | photograph | size, in tiles |
    |---|---|---|
    | astronaut | as it is | smaller than one: made larger to it at its edges |
    | golden | blurred likewise, of few pixels: the one that ``export.verification.golden_chain`` stores | as it is |
    | synthetic | blurred more towards one corner; the tap is there | wider than one, where the halos leave room |

    Args:
        specs: the graphs.
        height: of every graph's tensors, in pixels.
        width: of every graph's tensors, in pixels.
    """
    halo_px = {graph: specs[graph].halo_px for graph in GRAPHS}
    sigma_max_px, target_max_px = specs["defocus"].outputs[0].range[1], specs["refocus"].inputs[1].range[1]
    room = width >= 2 * max(halo_px[network] for network in NETWORKS) + ALIGNMENT_PX
    wide = width + (width // 4 // ALIGNMENT_PX * ALIGNMENT_PX if room else 0)
    few = (min(GOLDEN_SIZE_PX[0], height), min(GOLDEN_SIZE_PX[1], width))
    asked = (
        (GOLDEN, _photo("astronaut", *few, LARGEST_BLUR * sigma_max_px), (0.75, 0.7), 1.4),
        ("astronaut", _photo("astronaut", height * 3 // 4, width // 2, 0.0), (0.5, 0.3), 1.4),
        ("synthetic", _photo("motorcycle", height // 2, wide, LARGEST_BLUR * sigma_max_px), (0.8, 0.6), 1.0),
    )
    graphs = {name: float_graph(specs[name], height, width) for name in GRAPHS}
    cases = tuple(
        EndToEndCase(
            name=name,
            photo=photo,
            focus_xy=focus_xy,
            aperture=aperture,
            refocused=_refocused(graphs, (sigma_max_px, target_max_px), photo, focus_xy, aperture),
        )
        for name, photo, focus_xy, aperture in asked
    )
    return PipelineReference(
        sigma_max_px=sigma_max_px,
        target_max_px=target_max_px,
        halo_px=halo_px,
        cases=cases,
        size_px=(height, width),
    )


def check_pipeline_parity(
    graphs: Mapping[str, TiledGraph], precision: str, reference: PipelineReference
) -> list[ParityFigure]:
    """Run the chain on saved files and compare what comes out with the float reference's.

    Args:
        graphs: "defocus", "deblur" and "refocus".
        precision: of the pipeline: the coarsest of the three files'.
        reference: made for graphs of the same size.

    Returns:
        A figure for each photograph.

    Raises:
        ReblurError: a graph is missing, there is no gate for this precision, or the reference is of another size.
    """
    missing = [graph for graph in GRAPHS if graph not in graphs]
    if missing:
        raise ReblurError(f"the pipeline needs {', '.join(GRAPHS)}, got no {', '.join(missing)}")
    figures: list[ParityFigure] = []
    for case in reference.cases:
        largest = reference.sigma_max_px, reference.target_max_px
        answer = _refocused(graphs, largest, case.photo, case.focus_xy, case.aperture)
        figures += compare_pictures(PIPELINE, precision, case.name, case.refocused, answer)
    return figures


def pipeline_gate_rules(precision: str) -> tuple[GateRule, ...]:
    """The gates of a pipeline, as the manifest lists them."""
    return gate_rules(PIPELINE, precision)


def save_reference(reference: PipelineReference, path: Path) -> None:
    """Write a reference as ``.npz``, atomically.

    Raises:
        ReblurError: the file cannot be written.
    """
    arrays: dict[str, NDArray] = {
        "largest_px": np.array([reference.sigma_max_px, reference.target_max_px]),
        "halo_px": np.array([reference.halo_px[graph] for graph in GRAPHS]),
        "size_px": np.array(reference.size_px),
        "names": np.array([case.name for case in reference.cases]),
    }
    for i, case in enumerate(reference.cases):
        arrays[f"photo_{i}"] = case.photo
        arrays[f"tap_{i}"] = np.array([*case.focus_xy, case.aperture])
        arrays[f"refocused_{i}"] = case.refocused
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_atomically(path, content.getvalue())


def load_reference(path: Path) -> PipelineReference:
    """Read a reference back.

    Raises:
        ReblurError: the file is missing or is no such reference.
    """
    try:
        # Opened here, since NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            cases = []
            for i, name in enumerate(arrays["names"]):
                x, y, aperture = (float(value) for value in arrays[f"tap_{i}"])
                cases.append(
                    EndToEndCase(
                        name=str(name),
                        photo=arrays[f"photo_{i}"],
                        focus_xy=(x, y),
                        aperture=aperture,
                        refocused=arrays[f"refocused_{i}"],
                    )
                )
            halo_px = dict(zip(GRAPHS, (int(value) for value in arrays["halo_px"]), strict=True))
            height, width = (int(value) for value in arrays["size_px"])
            sigma_max_px, target_max_px = (float(value) for value in arrays["largest_px"])
            return PipelineReference(
                sigma_max_px=sigma_max_px,
                target_max_px=target_max_px,
                halo_px=halo_px,
                cases=tuple(cases),
                size_px=(height, width),
            )
    except Exception as error:  # NumPy raises whatever the archive's layers do
        raise ReblurError(f"cannot read the pipeline's reference {path} ({error}): run `make export` again") from error


def _refocused(
    graphs: Mapping[str, TiledGraph],
    largest_px: tuple[float, float],
    photo: NDArray[np.uint8],
    focus_xy: tuple[float, float],
    aperture: float,
) -> FloatArray:
    """What a pipeline of these graphs makes of a photograph, at every ``STRIDE_PX``-th pixel: (h, w, 3)."""
    sigma_max_px, target_max_px = largest_px
    pipeline = RefocusPipeline(
        graphs, sigma_max_px=sigma_max_px, target_max_px=target_max_px, working_long_side_px=max(photo.shape)
    )
    pipeline.analyse(photo.astype(np.float32) / np.float32(255.0))
    return np.ascontiguousarray(pipeline.refocus(focus_xy, aperture)[::STRIDE_PX, ::STRIDE_PX])


def _photo(name: str, height: int, width: int, blur_px: float) -> NDArray[np.uint8]:
    """A check picture as a file would have it, (H, W, 3); blurred from 0 to ``blur_px`` towards the lower right."""
    picture = load_picture(name, height, width)
    if blur_px > 0.0:
        with torch.no_grad():
            picture = blur_like_light(picture, diagonal_ramp(height, width, blur_px))
    return (picture[0].permute(1, 2, 0) * 255.0).round().to(torch.uint8).contiguous().numpy()
