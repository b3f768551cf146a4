"""What a target offers the export: the one record that its folder fills in, and the record that a writer is given.

A new format is a folder beside this file whose ``targets`` module holds ``SUPPORT``, and a row in
``export.recipes.targets``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from export.analysis.coverage import Coverage
from export.analysis.operators import SavedGraph
from export.data.calibration import Samples
from export.recipes.targets import PRECISIONS
from runtime.backends.base import GraphRunner
from runtime.manifest.records import Artifact
from train.quantization.settings import Int8Settings


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """A graph that is to become a file."""

    module: nn.Module
    """In eval mode; takes and gives tensors (B, C, H, W) of fixed shape."""
    example_inputs: tuple[Tensor, ...]
    """One (B, C, H, W) tensor for each input, of the shape to be fixed."""
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    precision: str
    """Key of ``export.recipes.targets.PRECISIONS``."""
    images: tuple[str, ...] = ()
    """Inputs that the file takes as pictures of eight bits."""
    samples: Samples = ()
    """Representative inputs, where the precision takes them."""
    settings: Int8Settings = field(default_factory=Int8Settings)
    """What stays float in int8, and the ranges."""
    sizes: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    """Name of a function -> its example inputs, for a file with a function for each of several sizes."""
    conversions: Path | None = None
    """Where float graphs are kept once they are converted, see ``export.formats.kept``; None keeps nothing."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Something that runs a file on this machine."""

    name: str
    """As the manifest, the report and the matrix call it; without slash."""
    packages: tuple[str, ...]
    """Distributions whose versions matter; empty for our own interpreters."""
    open: Callable[[Artifact, Path, int | None], GraphRunner]
    """Loads the file, to compute on so many threads; ReblurError where it is refused."""
    is_slow: bool = False
    """Whether it is asked for one case only."""
    precisions: tuple[str, ...] = tuple(PRECISIONS)
    """Precisions of the files that it is for."""


@dataclass(frozen=True, kw_only=True)
class TargetSupport:
    """All that the export does with the files of one target."""

    write: Callable[[WriteRequest, Path], None]
    """Converts and saves, atomically; imports its converter when it is first called."""
    read: Callable[[Path, str | None], SavedGraph]
    """The operators of a saved file, of one function where it has several; ReblurError where it is damaged."""
    coverage: Callable[[SavedGraph], tuple[Coverage, ...]]
    """What takes a saved file, and how much of it."""
    runtimes: tuple[Runtime, ...]
    """What runs its files here; the first one is the one that a pipeline is checked with."""
    not_run: tuple[str, ...] = ()
    """What nothing here can show, and why."""
    int8_ranges: tuple[str, ...] = ()
    """Ways to find ranges that its quantiser offers, of ``train.quantization.settings.RANGES``."""
