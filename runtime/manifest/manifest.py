"""manifest.json: what each artefact is, and what every tensor means; checks.json: how it was checked.

``export`` writes them with these classes and ``runtime`` reads them with these, so they are described once. Both
are plain JSON for readers in any language: keys are the field names, in this order. The manifest's JSON Schema lies
beside it.

Within one ``schema_version`` keys are only ever added: readers ignore those that they do not know.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from runtime.manifest.check_records import (
    FloatModel,
    LintFinding,
    MatrixCell,
    NegativeControl,
    ParityFigure,
)
from runtime.manifest.checks_file import read_checks, write_checks
from runtime.manifest.convention_records import Conventions, ResizePolicy, Tiling
from runtime.manifest.golden_records import GoldenCase, GoldenChain, GoldenInput, GoldenOutput, Tolerance
from runtime.manifest.json_codec import from_json, lines_of, to_json
from runtime.manifest.records import (
    CPU_DELEGATES,
    IN_CHECKS,
    Artifact,
    ArtifactFile,
    ArtifactTensor,
    Checkpoint,
    Graph,
    Int8Source,
    Pipeline,
    Recommendation,
    Size,
    TensorMeaning,
)
from runtime.manifest.validation import check_path, check_tensors_and_paths, listed, refuse_constant
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of, write_atomically

__all__ = [
    "Artifact",
    "ArtifactFile",
    "ArtifactTensor",
    "Checkpoint",
    "GoldenCase",
    "GoldenInput",
    "GoldenOutput",
    "Graph",
    "Int8Source",
    "LintFinding",
    "Manifest",
    "MatrixCell",
    "NegativeControl",
    "ParityFigure",
    "Pipeline",
    "ResizePolicy",
    "Size",
    "TensorMeaning",
    "Tiling",
    "Tolerance",
    "sha256_of",
]

SCHEMA_VERSION, SCHEMA_MINOR = 5, 2
FILE_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The whole of manifest.json."""

    schema_version: int
    """Of this description; a reader refuses any but its own. Within one, keys are only ever added."""
    schema_minor: int
    """Grows with every addition; a reader takes any, and ignores keys that it does not know."""
    reblur_version: str
    """Of the project that wrote it."""
    created: str
    """UTC, ISO 8601."""
    license: str
    """SPDX identifier of the weights."""
    checkpoint: Checkpoint
    """Source of the weights."""
    sizes: tuple[Size, ...]
    """Sizes of the graphs' tensors; the first is the one that files without a size in their name have."""
    sigma_max_px: float
    """Largest blur sigma that the networks know; what may be asked of a refocusing graph is its input's range."""
    resize: ResizePolicy
    """From a photograph to the picture that the graphs see."""
    tiling: Tiling
    """From that picture to the tensors of a graph."""
    conventions: Conventions
    """What happens between the graphs."""
    graphs: dict[str, Graph]
    """The graphs by name."""
    artifacts: tuple[Artifact, ...]
    """Every file made, and every one that could not be."""
    pipelines: tuple[Pipeline, ...]
    """One for each format and precision."""
    recommended: tuple[Recommendation, ...] = ()
    """What to take where; of a platform's and processor's several the first is the best."""
    golden: tuple[GoldenCase, ...]
    """Vectors that an application can test itself against."""
    golden_chain: GoldenChain | None = None
    """The same for a photograph's whole way, and each step on it; absent where not all graphs were made."""
    tools: dict[str, str]
    """Versions of what took part."""
    int8: Int8Source | None = None
    """Weights of the int8 files; null where none was made."""
    float_model: FloatModel | None = None
    """What the networks are worth themselves."""
    checks: ArtifactFile | None = None
    """How everything was checked, in a file of its own; absent where nobody looked."""
    matrix: tuple[MatrixCell, ...] = field(default=(), metadata=IN_CHECKS)
    """Files compared with each other; empty where nobody looked."""
    controls: tuple[NegativeControl, ...] = field(default=(), metadata=IN_CHECKS)
    """Files broken on purpose; empty where nobody tried."""

    @property
    def target_max_px(self) -> float:
        """Largest sigma that the refocusing graph renders.

        Raises:
            ReblurError: there is none.
        """
        for tensor in self.graphs["refocus"].inputs if "refocus" in self.graphs else ():
            if tensor.name == "target_sigma_px":
                return tensor.range[1]
        raise ReblurError("this export has no refocusing graph: run `make export` again")

    def __post_init__(self) -> None:
        repeated = [name for name, n in Counter(a.id for a in self.artifacts).items() if n > 1]
        if repeated:
            raise ReblurError(f"artefact ids must be unique, got {', '.join(repeated)} more than once")
        if not self.sigma_max_px > 0.0:
            raise ReblurError(f"sigma_max_px must be above 0, got {self.sigma_max_px:g}")
        for name, described in self.graphs.items():
            if described.halo_px < 0:
                raise ReblurError(f"the halo of {name} must be 0 or more, got {described.halo_px}")
        for artifact in self.artifacts:
            check_tensors_and_paths(artifact, self.graphs)
        for pipeline in self.pipelines:
            for graph in ("defocus", "deblur", "refocus"):
                self.artifact(getattr(pipeline, graph))
        for recommendation in self.recommended:
            for identifier in recommendation.artifacts.values():
                self.artifact(identifier)
        for case in self.golden:
            for path in (*(t.path for t in case.inputs), *(t.path for t in (*case.outputs, *case.truth))):
                check_path(path)
        for tensor in self.golden_chain.tensors if self.golden_chain else ():
            check_path(tensor.path)

    @classmethod
    def load(cls, directory: Path | str, *, with_checks: bool = True) -> Manifest:
        """Read and check ``directory``/manifest.json.

        Args:
            directory: of an export.
            with_checks: whether to read how the files were checked, too, where that is there.

        Raises:
            ReblurError: the folder or the file is not there, the file is not a manifest of this version, or the one
                with the checks is not the one that it names.
        """
        directory = Path(directory)
        path = directory / FILE_NAME
        if not directory.is_dir():
            raise ReblurError(f"no folder {directory}: run `make export` first")
        if not path.is_file():
            raise ReblurError(f"no {FILE_NAME} in {directory}: run `make export` first or name its folder")
        try:
            value = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse_constant)
        except (OSError, ValueError, RecursionError) as error:
            raise ReblurError(f"cannot read {path} ({error}): run `make export` again") from error
        version = value.get("schema_version") if isinstance(value, dict) else None
        if version != SCHEMA_VERSION:
            raise ReblurError(
                f"{path} has schema version {version}, expected {SCHEMA_VERSION}: run `make export` again"
            )
        try:
            manifest = from_json(cls, value, FILE_NAME, ignore_unknown=True)
            return read_checks(manifest, directory) if with_checks else manifest
        except ValueError as error:
            raise ReblurError(f"{path} is not a valid manifest: {error}") from error

    def to_json(self) -> str:
        """The text of manifest.json: small, and a line for each thing in it."""
        return lines_of(to_json(self, file=FILE_NAME))

    def write(self, directory: Path | str) -> Path:
        """Write manifest.json, and checks.json, into ``directory``, each atomically; says where the manifest is."""
        manifest = dataclasses.replace(self, checks=write_checks(self, Path(directory)))
        path = Path(directory) / FILE_NAME
        write_atomically(path, manifest.to_json().encode())
        return path

    def artifact(self, artifact_id: str) -> Artifact:
        """The artefact of that id.

        Raises:
            ReblurError: there is none; lists those there are.
        """
        for artifact in self.artifacts:
            if artifact.id == artifact_id:
                return artifact
        raise ReblurError(f"no artefact {artifact_id!r}: there are {listed(a.id for a in self.artifacts)}")

    def golden_of(self, artifact: Artifact) -> tuple[GoldenCase, ...]:
        """The golden cases of an artefact's graph and size."""
        own = (artifact.graph, artifact.size_px)
        return tuple(case for case in self.golden if (case.graph, (case.height_px, case.width_px)) == own)

    def pipeline(self, backend: str, precision: str | None = None) -> Pipeline:
        """The pipeline of that back end and precision for a processor, of the first size there is, that passed.

        Args:
            backend: a format.
            precision: of the networks; None takes the finest.

        Raises:
            ReblurError: there is none; lists those there are.
        """
        on_any_machine = [p for p in self.pipelines if p.delegate in CPU_DELEGATES and p.status == "passed"]
        for pipeline in on_any_machine:
            if pipeline.backend == backend and precision in (None, pipeline.precision):
                return pipeline
        there = listed(dict.fromkeys(f"{p.backend} {p.precision}" for p in on_any_machine))
        wanted = f"{backend} {precision}" if precision else backend
        raise ReblurError(f"no pipeline for {wanted}: there are {there}")
