"""The report's pictures: what the float model answers, what some files answer, and ten times the difference."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from export.data.golden_cases import SYNTHETIC, Case, tile_px
from export.data.golden_files import load_case
from export.formats.table import runtimes_of
from export.graphs.specs import GraphSpec, build_graphs
from export.reporting.names import short_name
from export.reporting.rendering import Section
from runtime.manifest.files import check_files
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact, TensorMeaning
from runtime.system.arrays import FloatArray
from runtime.system.silence import silence
from train.checkpoint import Deployable

SHOWN_CASES = {
    "defocus": "astronaut",
    "deblur": SYNTHETIC,
    "refocus": "astronaut",
    "preview": "astronaut",
    "fused": SYNTHETIC,
}
"""Graph -> the case that is shown; the first one where there is none of that name."""
SHOWN_PX = 192
"""Side of the square that is shown, from the middle of the stored tile."""
DIFFERENCE_GAIN = 10.0
LOSSY = ("int8", "w8a8", "p6", "w8")
"""Precisions of which each graph shows a file; float files share one, for they all look like the model."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture and what it shows."""

    source: str
    """A data URI."""
    title: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class PicturesOfGraph:
    """One golden case of a graph."""

    title: str
    model: list[Picture]
    """What goes in, and the float model's answer."""
    files: list[tuple[Picture, Picture]]
    """What a file answers, and its difference."""


def pictures(manifest: Manifest, directory: Path, networks: Deployable | None) -> Section:
    """The section; says so where there is no float model to compare with.

    Args:
        manifest: of the export.
        directory: its folder.
        networks: the float model that the files were made from; None where it is not at hand.
    """
    title, template = "Pictures", "pictures.html"
    if networks is None:
        note = "Not run: the checkpoint that the files were made from is not here (--checkpoint)."
        return Section(title=title, note=note, template=template, content=[])
    specs = build_graphs(networks)
    graphs = [_of_graph(specs[graph], manifest, directory) for graph in manifest.graphs if graph in specs]
    note = (
        "One golden case of each graph: its input and the float model's answer, then what files answer, beside ten "
        "times its difference from the model's: of each way to quantise the file that comes nearest to its gates, and "
        "the nearest float one. A map of blur is white at its largest sigma."
    )
    return Section(title=title, note=note, template=template, content=[graph for graph in graphs if graph])


def choose(artifacts: Sequence[Artifact], size_px: tuple[int, int]) -> list[Artifact]:
    """The files worth a look: of each kind of precision the passing one that is nearest to a gate of its own.

    Args:
        artifacts: of one graph.
        size_px: height and width that their tensors must have.
    """
    passed = [a for a in artifacts if a.status == "passed" and a.size_px == size_px]
    chosen = []
    for precisions in (*((name,) for name in LOSSY), ("fp16", "fp32")):
        own = [artifact for artifact in passed if artifact.precision in precisions]
        chosen += [min(own, key=_closeness)] if own else []
    return chosen


def _closeness(artifact: Artifact) -> float:
    """Smallest margin, in parts of its threshold: files have several metrics."""
    margins = [
        figure.margin / abs(figure.threshold)
        for figure in artifact.parity
        if figure.margin is not None and figure.threshold
    ]
    return min(margins, default=math.inf)


def _of_graph(spec: GraphSpec, manifest: Manifest, directory: Path) -> PicturesOfGraph | None:
    """The pictures of one graph; None where it has no golden case."""
    golden = _shown_case(spec.name, manifest)
    if golden is None:
        return None
    size_px = (golden.height_px, golden.width_px)
    case = load_case(golden, directory)
    with torch.no_grad():
        reference = spec.module(*(torch.from_numpy(case.inputs[tensor.name]) for tensor in spec.inputs)).numpy()
    (output,) = spec.outputs
    given = [
        Picture(
            source=_data_uri(case.inputs[meaning.name], meaning),
            title="input",
            caption=f"{meaning.name}, {case.name}",
        )
        for meaning in spec.inputs
    ]
    answer = Picture(source=_data_uri(reference, output), title="float model", caption=output.name)
    own = [artifact for artifact in manifest.artifacts if artifact.graph == spec.name]
    files = [_compared(artifact, directory, case, reference, output) for artifact in choose(own, size_px)]
    return PicturesOfGraph(title=spec.name, model=[*given, answer], files=files)


def _shown_case(graph: str, manifest: Manifest) -> GoldenCase | None:
    """Of the first size that there is, the case in ``SHOWN_CASES``; else the first."""
    own = [case for case in manifest.golden if case.graph == graph]
    return min(own, key=lambda case: case.case != SHOWN_CASES.get(graph), default=None)


def _compared(
    artifact: Artifact, directory: Path, case: Case, reference: FloatArray, output: TensorMeaning
) -> tuple[Picture, Picture]:
    """What a file answers, and its difference."""
    check_files(artifact, directory)
    with silence():
        runtime = runtimes_of(artifact)[0]
        answer = runtime.open(artifact, directory / artifact.path, None).run(case.inputs)[output.name]
    difference = np.abs(answer - reference)
    unit = f" {output.unit}" if output.unit else ""
    name = short_name(artifact)
    answered = Picture(source=_data_uri(answer, output), title=name, caption=output.name)
    differing = Picture(
        source=_data_uri(DIFFERENCE_GAIN * difference, output),
        title=f"{name}, difference x{DIFFERENCE_GAIN:g}",
        caption=f"mean {difference.mean():.2g}{unit}, largest {difference.max():.2g}{unit}",
    )
    return answered, differing


def _data_uri(value: FloatArray, meaning: TensorMeaning) -> str:
    """The middle of a tensor's first tile as a PNG; its largest value is white."""
    from PIL import Image

    side = tile_px(*value.shape[2:])
    shown = min(SHOWN_PX, side)
    first = (side - shown) // 2
    planes = value[0, :, first : first + shown, first : first + shown] / meaning.range[1]
    levels = np.rint(255.0 * np.clip(planes, 0.0, 1.0)).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(levels.squeeze(-1) if levels.shape[2] == 1 else levels).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
