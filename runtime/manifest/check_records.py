"""checks.json: how the files of an export were checked. Gates, figures, coverage, predictions, controls.

No application needs it: the manifest has what a reader must know, and this is what somebody may ask about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Bound = Literal["at least", "at most"]


@dataclass(frozen=True, kw_only=True)
class ParityFigure:
    """One comparison of the saved file with the float reference."""

    case: str
    """Which picture."""
    metric: str
    """What was measured, with its unit."""
    value: float | None = None
    """The figure; absent where there is none, see ``answer``."""
    answer: Literal["number", "equal", "no number"] = "number"
    """Equal: to the last bit, so its PSNR is infinite. No number: not finite for any other reason, and failed."""
    threshold: float
    """What it must reach."""
    passed: bool
    """Whether it did."""
    margin: float | None = None
    """How far within the threshold, in the metric's unit, negative beyond it; absent where ``value`` is."""
    runtime: str = ""
    """What ran the file."""


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
    condition: str = ""
    """Where it is asked, besides; empty where it always is."""


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
class LintFinding:
    """A rule of one processor that some operators of a file break: a prediction, which only the device can confirm."""

    rule: str
    """Its short name."""
    unit: str
    """The processor or delegate."""
    effect: str
    """"blocks" where the operator would run elsewhere, "slows" where it would only take longer, and so on."""
    count: int
    """Operators that break it."""
    operators: tuple[str, ...]
    """Their kinds."""
    why: str
    """What the rule says."""
    source: str
    """Where it comes from."""


@dataclass(frozen=True, kw_only=True)
class FloatModel:
    """What the float networks are worth on pictures that were blurred on purpose, before anything is converted."""

    gain_db: float
    """PSNR against the sharp picture, minus that of the blurred one; negative for a model that does harm."""
    sigma_error_px: float
    """Mean absolute error of the estimated sigma."""
    saturated: float
    """Share of the answer's numbers, 0 to 1, at either end of their range, beyond what the sharp picture has."""


@dataclass(frozen=True, kw_only=True)
class NegativeControl:
    """A file that was broken on purpose, and the gate that turned it away."""

    name: str
    """Short name of what was done to it."""
    description: str
    """What was done to it, in a sentence."""
    artifact: str
    """Id of the artefact that was broken."""
    caught: bool
    """Whether a gate, or the loading of the file, turned it away."""
    by: str
    """What turned it away: a metric and its case, or a sentence of the loader; empty where nothing did. Why it was not
    tried, where it was not."""
    value: float | None = None
    """The metric's value; absent where it is not finite or loading failed."""
    threshold: float | None = None
    """What it would have had to reach; absent where loading failed."""
    tried: bool = True
    """Whether there was a broken file at all."""


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
    value: float | None = None
    """The figure; absent where the two are equal."""


@dataclass(frozen=True, kw_only=True)
class ArtifactChecks:
    """How one file was checked."""

    gates: tuple[GateRule, ...]
    """What the checks had to reach."""
    parity: tuple[ParityFigure, ...]
    """The checks."""
    coverage: tuple[DelegateCoverage, ...]
    """What each delegate takes of the file; empty where nobody looked."""
    lint: tuple[LintFinding, ...]
    """What may keep it off a processor or slow it there."""
    key: str = ""
    """Digest of all that it was made from; an artefact with the same key need not be made again."""


@dataclass(frozen=True, kw_only=True)
class PipelineChecks:
    """How three files together were checked."""

    gates: tuple[GateRule, ...]
    """What the refocused photographs had to reach."""
    parity: tuple[ParityFigure, ...]
    """The refocused photographs against those of the float networks."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The whole of checks.json."""

    artifacts: dict[str, ArtifactChecks]
    """By artefact id."""
    pipelines: dict[str, PipelineChecks]
    """By ``<backend>[-<delegate>]-<precision>-<height>x<width>``."""
    matrix: tuple[MatrixCell, ...]
    """Files compared with each other; empty where nobody looked."""
    controls: tuple[NegativeControl, ...]
    """Files broken on purpose; empty where nobody tried."""
    achieved: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    """Golden case, as ``<graph>-<case>-<height>x<width>``, -> arithmetic -> metric -> what the float model itself
    reaches in it against its float32 answer."""
