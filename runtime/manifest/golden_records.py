"""The parts of manifest.json that describe the golden vectors. ``runtime.manifest.golden_vectors`` reads the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from runtime.manifest.records import IN_CHECKS, Layout

Statistic = Literal["rms", "mean", "p99"]


@dataclass(frozen=True, kw_only=True)
class GoldenInput:
    """A raw file of whole numbers; each divided by ``divisor``, as float32, is a value of the tensor."""

    name: str
    """Name of the ``TensorMeaning``."""
    path: str
    """Relative to the manifest, with forward slashes."""
    dtype: Literal["uint8", "int8"]
    """Type of the file's numbers."""
    divisor: float
    """What each number is divided by."""
    shape: tuple[int, ...]
    """Size of each axis in the file; mirrored at its right and lower side, again and again, it fills the graph's:
    along either axis of n numbers the one at i is number m = i mod 2n, or 2n - 1 - m where m is n or more."""
    layout: Layout
    """Order of the axes."""
    sha256: str
    """Hexadecimal digest."""


@dataclass(frozen=True, kw_only=True)
class GoldenOutput:
    """A raw file of little-endian float32: what the float reference answers, or the truth, at some pixels."""

    name: str
    """Name of the ``TensorMeaning``."""
    path: str
    """Relative to the manifest, with forward slashes."""
    dtype: Literal["float32"]
    """Type of the file's numbers."""
    stride_px: int
    """The file has every such pixel of every such row, from the first of each; odd, so that with networks that work
    at halves of the resolution all kinds of pixels are there."""
    shape: tuple[int, ...]
    """Size of each axis in the file."""
    layout: Layout
    """Order of the axes."""
    sha256: str
    """Hexadecimal digest."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a file's answer may be from the golden one: a gate, said as an error."""

    statistic: Statistic
    """Of the absolute errors at all numbers of the output's file: root of their mean square, their mean, or the
    smallest one that at least 99 of 100 do not exceed."""
    at_most: float
    """Largest value that passes, in the unit of the output."""


@dataclass(frozen=True, kw_only=True)
class GoldenChain:
    """A photograph, a tap, and what the float networks make of them at each step, at the first size."""

    photo: GoldenInput
    """The whole photograph, (1, 3, H, W); it is not mirrored."""
    focus_xy: tuple[float, float]
    """The tapped point, x rightwards and y downwards, both in [0, 1]."""
    f_number: float
    """Aperture."""
    sigma_px: GoldenOutput
    """What the estimator answers, clipped: the smoothing's input."""
    defocus_px: GoldenOutput
    """What the smoothing makes of that."""
    target_sigma_px: GoldenOutput
    """What the optics make of that."""
    refocused: GoldenOutput
    """The picture."""
    map_tolerance_px: float
    """Largest absolute error of ``defocus_px`` and ``target_sigma_px``, each from the golden input of its step."""
    tolerances: dict[str, tuple[Tolerance, ...]]
    """Precision -> what must hold of ``refocused``, from the photograph on."""

    @property
    def tensors(self) -> tuple[GoldenInput | GoldenOutput, ...]:
        """All that lies in files."""
        return self.photo, self.sigma_px, self.defocus_px, self.target_sigma_px, self.refocused


@dataclass(frozen=True, kw_only=True)
class GoldenCase:
    """Inputs of a graph and the outputs of the float reference for them."""

    graph: str
    """Which of ``Manifest.graphs``."""
    case: str
    """Which picture."""
    height_px: int
    """Height of the graph's tensors."""
    width_px: int
    """Width of the graph's tensors."""
    inputs: tuple[GoldenInput, ...]
    """What goes in."""
    outputs: tuple[GoldenOutput, ...]
    """What the float reference answers."""
    tolerances: dict[str, tuple[Tolerance, ...]]
    """Precision of the arithmetic -> what must hold. A delegate that computes in fp16 is judged as fp16, whatever the
    file's precision."""
    truth: tuple[GoldenOutput, ...] = ()
    """What a perfect graph would answer, where that is known; like ``outputs``."""
    achieved: dict[str, dict[str, float]] = field(default_factory=dict, metadata=IN_CHECKS)
    """Arithmetic -> metric -> what the float model itself reaches in it against its float32 answer; tolerances go by
    it."""

    @property
    def id(self) -> str:
        """Under which ``Checks.achieved`` has it."""
        return f"{self.graph}-{self.case}-{self.height_px}x{self.width_px}"
