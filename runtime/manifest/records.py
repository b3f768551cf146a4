"""The parts of manifest.json: one frozen dataclass each, keys as in the file. See ``runtime.manifest.manifest``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from runtime.manifest.check_records import DelegateCoverage, GateRule, LintFinding, ParityFigure
from runtime.manifest.json_codec import FILE

CHECKS_FILE = "checks.json"
IN_CHECKS = {FILE: CHECKS_FILE}
"""Of fields that are kept there, beside the manifest."""
EXECUTORCH_METHOD = "forward"
"""What an ExecuTorch program's only method is called."""
Format = Literal["coreml", "tflite", "executorch", "onnx"]
Layout = Literal["NCHW", "NHWC"]
DType = Literal["float32", "float16", "uint8"]
Delegate = Literal["", "xnnpack", "coreml", "vulkan"]
CPU_DELEGATES: tuple[Delegate, ...] = ("", "xnnpack")
"""What any machine's processor runs; the others need a device that has theirs."""
Status = Literal["passed", "failed", "not run"]
Threads = Literal["one for each fast core", "the delegate's own"]
"""A number would be a guess for a machine that nobody has seen; a delegate that is no CPU's takes none."""


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
    smallest_tile_px: int
    """Shortest side of tensors through which a larger picture can go in tiles: what two halos leave is one step."""
    inputs: tuple[TensorMeaning, ...]
    """What goes in."""
    outputs: tuple[TensorMeaning, ...]
    """What comes out."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Height and width of a graph's tensors."""

    height_px: int
    """Rows."""
    width_px: int
    """Columns."""


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
    kind: Literal["array", "image"] = "array"
    """An array of numbers, or a picture as the platform keeps it (Core ML: a CVPixelBuffer), which needs no copy."""
    divisor: float = 1.0
    """What the file itself divides the numbers by to get values of the ``TensorMeaning``: 255 for an image."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A graph in one format and precision."""

    id: str
    """``<graph>-<format>[-<delegate>]-<precision>[-<variant>][-<height>x<width>]``; XNNPACK and the first size are not
    named."""
    graph: str
    """Which of ``Manifest.graphs``."""
    format: Format
    """What kind of file it is."""
    precision: str
    """Of weights and arithmetic: fp32, fp16, int8 (both), w8 (int8 weights, fp16 arithmetic), p6 (weights from a table
    of 64 values, fp16 arithmetic) or w8a8 (Core ML's int8)."""
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
    parity: tuple[ParityFigure, ...] = field(default=(), metadata=IN_CHECKS)
    """The checks."""
    gates: tuple[GateRule, ...] = field(default=(), metadata=IN_CHECKS)
    """What the checks had to reach."""
    coverage: tuple[DelegateCoverage, ...] = field(default=(), metadata=IN_CHECKS)
    """What each delegate takes of the file; empty where nobody looked."""
    lint: tuple[LintFinding, ...] = field(default=(), metadata=IN_CHECKS)
    """What may keep it off a processor or slow it there."""
    delegate: Delegate = ""
    """Of an ExecuTorch file: what it was lowered for; empty for the other formats."""
    variant: str = ""
    """What sets it apart from the artefact of the same graph, format and precision; empty for that one."""
    entry: str = ""
    """What is called in the file: a TFLite signature's key, an ExecuTorch method; empty where there is one only."""
    requires: dict[str, str] = field(default_factory=dict)
    """What a device must have, and from which version on; where nothing is said nothing is known."""
    pixel_format: str | None = None
    """Of inputs that are images: what the platform calls the one that needs no conversion; absent for arrays."""
    function: str | None = None
    """Function of a Core ML package that has several, one for each size; null where there is only one."""
    experimental: bool = False
    """Whether it is made for trying out: it must pass its gates like the others, but no application should need it."""
    key: str = field(default="", metadata=IN_CHECKS)
    """Digest of all that it was made from; an artefact with the same key need not be made again."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of its tensors."""
        tensor = self.inputs[0]
        return tensor.shape[tensor.layout.index("H")], tensor.shape[tensor.layout.index("W")]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Which three artefacts together refocus a photograph, all of one size."""

    backend: Format
    """Format of the three."""
    delegate: Delegate
    """Of ExecuTorch files; empty for the other formats."""
    precision: str
    """Precision asked for; a graph that has no such artefact is served by a finer one."""
    defocus: str
    """Artefact id."""
    deblur: str
    """Artefact id."""
    refocus: str
    """Artefact id."""
    height_px: int
    """Height of their tensors."""
    width_px: int
    """Width of their tensors."""
    parity: tuple[ParityFigure, ...] = field(default=(), metadata=IN_CHECKS)
    """The refocused photograph against that of the float networks."""
    gates: tuple[GateRule, ...] = field(default=(), metadata=IN_CHECKS)
    """What that had to reach."""
    status: Status = "passed"
    """Whether it did: no reader should take one that failed."""
    peak_memory_mib: float | None = None
    """What opening the three and calling each once took at most, beyond the process as it was before, in the runtime of
    the format on the processor that the export ran on; absent where nothing there runs them but an interpreter of
    ours."""

    @property
    def id(self) -> str:
        """Under which ``Checks.pipelines`` has it."""
        parts = (self.backend, self.delegate, self.precision, f"{self.height_px}x{self.width_px}")
        return "-".join(filter(None, parts))


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """Which files to take on a platform, of the first size."""

    platform: str
    """iOS, macOS, Android, Linux, Windows, or Web for browsers."""
    unit: str
    """Processor that runs them there."""
    backend: Format
    """Of the pipeline: with ``delegate`` and ``precision`` it names it, at any size."""
    delegate: Delegate
    """Of the pipeline."""
    precision: str
    """Of the pipeline."""
    artifacts: dict[str, str]
    """Graph -> id of its file: the three of the pipeline, and ``preview`` where there is one."""
    threads: Threads
    """How many to give the interpreter."""
    evidence: Literal["measured", "predicted"]
    """Whether it was run on that processor when it was exported, or rules and documents say so."""
    why: str
    """One phrase for people."""


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
