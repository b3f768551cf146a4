"""The parts of manifest.json: one frozen dataclass each, keys as in the file. See ``runtime.manifest``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["coreml", "tflite", "executorch"]
Layout = Literal["NCHW", "NHWC"]
DType = Literal["float32", "float16"]
Status = Literal["passed", "failed", "not run"]


@dataclass(frozen=True, kw_only=True)
class TensorMeaning:
    """What a graph's input or output holds, in any format."""

    name: str
    """Name, the same in every artefact of the graph."""
    channels: int
    """3 for a picture, 1 for a map."""
    channel_order: str | None
    """"RGB", or null for a map."""
    color_space: str | None
    """"sRGB", or null for a map."""
    unit: str | None
    """"px" for a blur sigma, null for a picture."""
    range: tuple[float, float]
    """Smallest and largest value."""
    meaning: str
    """One phrase for people."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """One of the three deployable graphs, whatever file it is in."""

    summary: str
    """What it does."""
    halo_px: int
    """Distance from which an input pixel can still change an output pixel: the overlap that tiles need."""
    inputs: tuple[TensorMeaning, ...]
    """What goes in."""
    outputs: tuple[TensorMeaning, ...]
    """What comes out."""


@dataclass(frozen=True, kw_only=True)
class ArtifactFile:
    """A file that belongs to an artefact."""

    path: str
    """Relative to the manifest, with forward slashes."""
    bytes: int
    """Size."""
    sha256: str
    """Hexadecimal digest."""


@dataclass(frozen=True, kw_only=True)
class ArtifactTensor:
    """How one file wants a tensor; its meaning stands under the graph."""

    name: str
    """Name of the ``TensorMeaning``."""
    dtype: DType
    """Type at the border."""
    layout: Layout
    """Order of the axes."""
    shape: tuple[int, ...]
    """Size of each axis, in the order of ``layout``."""


@dataclass(frozen=True, kw_only=True)
class ParityFigure:
    """One comparison of the saved file with the float reference."""

    case: str
    """Which picture."""
    metric: str
    """What was measured, with its unit."""
    value: float | None
    """The figure; null in the file where it is not finite (equal pictures, or a NaN: ``passed`` tells)."""
    threshold: float
    """What it must reach."""
    passed: bool
    """Whether it did."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A graph in one format and precision."""

    id: str
    """``<graph>-<format>-<precision>``."""
    graph: str
    """Which of ``Manifest.graphs``."""
    format: Format
    """What kind of file it is."""
    precision: str
    """Of the arithmetic inside: fp32, fp16 or int8."""
    path: str
    """The file, or the folder of an .mlpackage, relative to the manifest."""
    files: tuple[ArtifactFile, ...]
    """Every file of it; empty when it could not be made."""
    inputs: tuple[ArtifactTensor, ...]
    """In the file's calling order."""
    outputs: tuple[ArtifactTensor, ...]
    """In the file's calling order."""
    tool: dict[str, str]
    """Converter and its version."""
    status: Status
    """Outcome of the checks."""
    reason: str
    """Why it failed or was not run; empty when it passed."""
    parity: tuple[ParityFigure, ...]
    """The checks."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Which three artefacts together refocus a photograph."""

    backend: Format
    """Format of the three."""
    precision: str
    """Precision asked for; a graph that has no such artefact is served by a finer one."""
    defocus: str
    """Artefact id."""
    deblur: str
    """Artefact id."""
    refocus: str
    """Artefact id."""


@dataclass(frozen=True, kw_only=True)
class GoldenTensor:
    """A raw file of little-endian float32."""

    name: str
    """Name of the ``TensorMeaning``."""
    path: str
    """Relative to the manifest, with forward slashes."""
    shape: tuple[int, ...]
    """Size of each axis."""
    layout: Layout
    """Order of the axes."""
    sha256: str
    """Hexadecimal digest."""


@dataclass(frozen=True, kw_only=True)
class GoldenCase:
    """Inputs of a graph and the outputs of the float reference for them."""

    graph: str
    """Which of ``Manifest.graphs``."""
    case: str
    """Which picture."""
    inputs: tuple[GoldenTensor, ...]
    """What goes in."""
    outputs: tuple[GoldenTensor, ...]
    """What the float reference answers."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The weights that everything was made from."""

    name: str
    """File name."""
    sha256: str
    """Hexadecimal digest."""
