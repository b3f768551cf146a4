"""The parts of manifest.json: one frozen dataclass each, keys as in the file. See ``runtime.manifest``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["coreml", "tflite", "executorch", "onnx"]
Layout = Literal["NCHW", "NHWC"]
DType = Literal["float32", "float16"]
Status = Literal["passed", "failed", "not run"]
Bound = Literal["at least", "at most"]


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
class Tiling:
    """How a picture of any size goes through graphs of a fixed one."""

    tile_height_px: int
    """Height of a tile: that of every graph's tensors."""
    tile_width_px: int
    """Width of a tile: that of every graph's tensors."""
    alignment_px: int
    """Tiles start at multiples of this; a picture is made larger to a tile and a multiple of this beyond it."""
    padding: Literal["edge"]
    """What is put beyond a picture's right and lower side: its last column and row, repeated."""
    inner_halo: Literal["discard"]
    """What becomes of a tile's outermost ``Graph.halo_px`` pixels where another tile lies: they are not kept."""


@dataclass(frozen=True, kw_only=True)
class ResizePolicy:
    """How a photograph is brought to the size at which the graphs see it, and its tiles are cut from."""

    long_side_px: int
    """Longest side of the working size; a larger photograph is made smaller to it, keeping its proportions."""
    enlarge: bool
    """Whether a smaller photograph is made larger."""
    filter: Literal["lanczos3"]
    """Resampling, widened by the factor of reduction so that nothing aliases."""
    values: Literal["sRGB"]
    """What is resampled: the gamma-coded values as they are, not linear light."""
    orientation: Literal["upright"]
    """Rows run from the top of the scene as it was seen: the EXIF orientation is applied before."""


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
    margin: float | None = None
    """How far within the threshold, in the metric's unit, negative beyond it; null where ``value`` is not finite."""


@dataclass(frozen=True, kw_only=True)
class GateRule:
    """What a saved file must reach to pass."""

    metric: str
    """What is measured, with its unit: see ``ParityFigure``."""
    bound: Bound
    """Which side of the threshold is good."""
    threshold: float
    """What must be reached."""
    case: str | None
    """The only case that it is asked of; null for all of the graph's."""


@dataclass(frozen=True, kw_only=True)
class DelegateCoverage:
    """What one delegate or processor takes of a file."""

    delegate: str
    """Its name, and that of the runtime it belongs to."""
    method: Literal["measured", "predicted"]
    """Whether the file or the runtime here says so, or rules do that only a phone can confirm."""
    subgraphs: int
    """Pieces that it runs, each by itself."""
    inside: dict[str, int]
    """Operator -> how often the delegate runs it."""
    outside: dict[str, int]
    """Operator -> how often something else does."""
    multiplications_inside: int
    """Multiplications that the delegate does."""
    multiplications_outside: int
    """Multiplications that are left to something else."""


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """Two saved files, or one file in two runtimes, compared on one case."""

    graph: str
    """Which of ``Manifest.graphs``."""
    case: str
    """Which picture."""
    first: str
    """Artefact id, with the runtime in parentheses."""
    second: str
    """Artefact id, with the runtime in parentheses."""
    metric: str
    """What was measured, with its unit."""
    value: float | None
    """The figure; null where the two are equal or it is no number."""


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
    gates: tuple[GateRule, ...] = ()
    """What the checks had to reach."""
    coverage: tuple[DelegateCoverage, ...] = ()
    """What each delegate takes of the file; empty where nobody looked."""


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
class Checkpoint:
    """The weights that everything was made from."""

    name: str
    """File name."""
    sha256: str
    """Hexadecimal digest."""


@dataclass(frozen=True, kw_only=True)
class Int8Source:
    """What the int8 files were quantised from."""

    qat: bool
    """Whether from weights that were fine-tuned for it; else from the checkpoint's own."""
    name: str | None
    """File name of the fine-tuned weights; null without."""
    sha256: str | None
    """Hexadecimal digest of that file; null without."""
    reason: str
    """Why there are none that fit; empty where there are."""
