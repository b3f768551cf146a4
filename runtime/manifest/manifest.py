"""manifest.json: what each artefact is, how it was checked, and what every tensor means.

``export`` writes it with these classes and ``runtime`` reads it with them, so it is described once. The file
is plain JSON for readers in any language: keys are the field names, in this order. Its JSON Schema lies beside it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runtime.manifest.check_records import FloatModel, LintFinding, MatrixCell, NegativeControl, ParityFigure
from runtime.manifest.golden_records import GoldenCase, GoldenInput, GoldenOutput, Tolerance
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import (
    CPU_DELEGATES,
    Artifact,
    ArtifactFile,
    ArtifactTensor,
    Checkpoint,
    Graph,
    Int8Source,
    Pipeline,
    ResizePolicy,
    Size,
    TensorMeaning,
    Tiling,
)
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
    "check_files",
    "list_files",
    "sha256_of",
]

SCHEMA_VERSION = 3
FILE_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The whole of manifest.json."""

    schema_version: int
    """Of this description; a reader refuses any but its own."""
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
    """Largest blur sigma that the graphs know."""
    resize: ResizePolicy
    """From a photograph to the picture that the graphs see."""
    tiling: Tiling
    """From that picture to the tensors of a graph."""
    graphs: dict[str, Graph]
    """The graphs by name."""
    artifacts: tuple[Artifact, ...]
    """Every file made, and every one that could not be."""
    pipelines: tuple[Pipeline, ...]
    """One for each format and precision."""
    golden: tuple[GoldenCase, ...]
    """Vectors that an application can test itself against."""
    tools: dict[str, str]
    """Versions of what took part."""
    int8: Int8Source | None = None
    """Weights of the int8 files; null where none was made."""
    float_model: FloatModel | None = None
    """What the networks are worth themselves."""
    matrix: tuple[MatrixCell, ...] = ()
    """Files compared with each other; empty where nobody looked."""
    controls: tuple[NegativeControl, ...] = ()
    """Files broken on purpose; empty where nobody tried."""

    def __post_init__(self) -> None:
        repeated = [name for name, n in Counter(a.id for a in self.artifacts).items() if n > 1]
        if repeated:
            raise ReblurError(f"artefact ids must be unique, got {', '.join(repeated)} more than once")
        for artifact in self.artifacts:
            _check_artifact(artifact, self.graphs)
        for pipeline in self.pipelines:
            for graph in ("defocus", "deblur", "refocus"):
                self.artifact(getattr(pipeline, graph))
        for case in self.golden:
            for path in (*(t.path for t in case.inputs), *(t.path for t in (*case.outputs, *case.truth))):
                _check_path(path)

    @classmethod
    def load(cls, directory: Path | str) -> Manifest:
        """Read and check ``directory``/manifest.json.

        Raises:
            ReblurError: the folder or the file is not there, or the file is not a manifest of this version.
        """
        directory = Path(directory)
        path = directory / FILE_NAME
        if not directory.is_dir():
            raise ReblurError(f"no folder {directory}: run `make export` first")
        if not path.is_file():
            raise ReblurError(f"no {FILE_NAME} in {directory}: run `make export` first or name its folder")
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReblurError(f"cannot read {path} ({error}): run `make export` again") from error
        version = value.get("schema_version") if isinstance(value, dict) else None
        if version != SCHEMA_VERSION:
            raise ReblurError(
                f"{path} has schema version {version}, expected {SCHEMA_VERSION}: run `make export` again"
            )
        try:
            return from_json(cls, value, FILE_NAME)
        except ValueError as error:
            raise ReblurError(f"{path} is not a valid manifest: {error}") from error

    def to_json(self) -> str:
        """The text of manifest.json."""
        return json.dumps(to_json(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, directory: Path | str) -> Path:
        """Write manifest.json into ``directory``, atomically, and say where it is."""
        path = Path(directory) / FILE_NAME
        write_atomically(path, self.to_json().encode())
        return path

    def artifact(self, artifact_id: str) -> Artifact:
        """The artefact of that id.

        Raises:
            ReblurError: there is none; lists those there are.
        """
        for artifact in self.artifacts:
            if artifact.id == artifact_id:
                return artifact
        raise ReblurError(f"no artefact {artifact_id!r}: there are {_listed(a.id for a in self.artifacts)}")

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
        there = _listed(dict.fromkeys(f"{p.backend} {p.precision}" for p in on_any_machine))
        wanted = f"{backend} {precision}" if precision else backend
        raise ReblurError(f"no pipeline for {wanted}: there are {there}")


def list_files(directory: Path, path: str) -> tuple[ArtifactFile, ...]:
    """The files of an artefact with their digests: one, or all within a folder such as an .mlpackage.

    Args:
        directory: where manifest.json is, or will be.
        path: the artefact, relative to it.
    """
    root = directory / path
    members = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    return tuple(
        ArtifactFile(
            path=member.relative_to(directory).as_posix(),
            bytes=member.stat().st_size,
            sha256=sha256_of(member),
        )
        for member in members
    )


def check_files(artifact: Artifact, directory: Path | str) -> None:
    """Check that an artefact's files are there and are those that the manifest describes.

    Raises:
        ReblurError: names the file that is missing, differs, or does not belong there.
    """
    directory = Path(directory)
    if not artifact.files:
        raise ReblurError(f"{artifact.id} has no file ({artifact.status}: {artifact.reason or 'no reason given'})")
    for file in artifact.files:
        path = directory / file.path
        if not path.is_file():
            raise ReblurError(f"{path} is missing, though the manifest lists it: run `make export` again")
        if sha256_of(path) != file.sha256:
            raise ReblurError(f"{path} is not the file that the manifest describes: run `make export` again")
    stray = {file.path for file in list_files(directory, artifact.path)} - {file.path for file in artifact.files}
    if stray:
        raise ReblurError(f"{directory / min(stray)} is not in the manifest: run `make export` again")


def _check_artifact(artifact: Artifact, graphs: dict[str, Graph]) -> None:
    """An artefact's graph is known, its paths stay in the folder and its tensors are the graph's."""
    for path in (artifact.path, *(file.path for file in artifact.files)):
        _check_path(path)
    if artifact.graph not in graphs:
        raise ReblurError(f"{artifact.id} is of graph {artifact.graph!r}: there are {_listed(graphs)}")
    graph = graphs[artifact.graph]
    for tensors, meanings in ((artifact.inputs, graph.inputs), (artifact.outputs, graph.outputs)):
        channels = {meaning.name: meaning.channels for meaning in meanings}
        names = [tensor.name for tensor in tensors]
        if (artifact.files or names) and sorted(names) != sorted(channels):
            raise ReblurError(f"{artifact.id} has tensors {_listed(names)}, its graph has {_listed(channels)}")
        for tensor in tensors:
            count = channels[tensor.name]
            if len(tensor.shape) != 4 or tensor.shape[tensor.layout.index("C")] != count:
                raise ReblurError(
                    f"{artifact.id}: {tensor.name} must be {tensor.layout} with {count} channels, "
                    f"got shape {list(tensor.shape)}"
                )


def _check_path(path: str) -> None:
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise ReblurError(f"paths must stay in the manifest's folder, got {path!r}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
