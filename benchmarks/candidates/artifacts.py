"""Files of an export, alone: one call on the inputs of the first golden case."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.rows import Parity, Subject
from benchmarks.measuring.session import engine_of
from runtime.backends import open_artifact
from runtime.backends.base import GraphRunner
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.golden_vectors import STATISTICS, errors_of, read_input
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact, ArtifactFile
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

ACCELERATORS = {"coreml": "npu", "vulkan": "gpu", "xnnpack": "cpu", "": "cpu"}
"""Delegate -> what it is for."""


def cases(directory: Path, threads: int | None, graphs: Sequence[str] = ()) -> list[Case]:
    """A case for each artefact of an export; empty ``graphs`` is all.

    Raises:
        ReblurError: there is no export.
    """
    made = Manifest.load(directory, with_checks=False).artifacts
    return [
        Case(
            kind="artifact",
            stage=artifact.graph,
            id=artifact.id,
            backend=artifact.format,
            precision=artifact.precision,
            size_px=artifact.size_px,
            threads=threads,
            accelerator="any" if artifact.format == "coreml" else ACCELERATORS[artifact.delegate],
            source=str(directory),
        )
        for artifact in made
        if not graphs or artifact.graph in graphs
    ]


def open_case(case: Case) -> Opened:
    """Load the file.

    Raises:
        ReblurError: it is not for this machine, or cannot be loaded.
    """
    directory = Path(case.source)
    manifest = Manifest.load(directory, with_checks=False)
    artifact = manifest.artifact(case.id)
    if artifact.delegate not in CPU_DELEGATES:
        raise ReblurError(f"{artifact.delegate} needs a device that has it: no processor runs {artifact.path}")
    started = time.perf_counter()
    runner = open_artifact(artifact, directory, case.threads)
    taken = time.perf_counter() - started
    golden = manifest.golden_of(artifact)
    inputs = golden_inputs(golden[0], directory, artifact) if golden else random_inputs(manifest, artifact)
    return Opened(
        run=lambda: runner.run(inputs),
        subject=subject_of(artifact),
        engine=engine_of(case),
        load_ms=1000.0 * taken,
        parity=lambda: parity_of(runner, golden[:1], directory),
    )


def subject_of(artifact: Artifact) -> Subject:
    """The file, for a row."""
    return Subject(
        kind="artifact",
        id=artifact.id,
        sha256=digest_of([file.sha256 for file in artifact.files]),
        bytes=size_of(artifact.files),
        precision=artifact.precision,
        shape=artifact.size_px,
    )


def digest_of(digests: Sequence[str]) -> str:
    """Of one file its own; of several that of their digests, one a line."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def digest_of_all(artifacts: Sequence[Artifact]) -> str:
    """Of several artefacts together."""
    return digest_of([digest_of([file.sha256 for file in artifact.files]) for artifact in artifacts])


def size_of(files: Sequence[ArtifactFile]) -> int:
    """Bytes of all files."""
    return sum(file.bytes for file in files)


def golden_inputs(case: GoldenCase, directory: Path, artifact: Artifact) -> dict[str, FloatArray]:
    """By name, (1, C, H, W) each."""
    return {tensor.name: read_input(tensor, directory, artifact.size_px) for tensor in case.inputs}


def random_inputs(manifest: Manifest, artifact: Artifact) -> dict[str, FloatArray]:
    """By name, (1, C, H, W) each, evenly spread over each tensor's range."""
    generator = np.random.default_rng(0)
    return {
        tensor.name: generator.uniform(*tensor.range, (1, tensor.channels, *artifact.size_px)).astype(np.float32)
        for tensor in manifest.graphs[artifact.graph].inputs
    }


def parity_of(
    runner: GraphRunner, cases: Sequence[GoldenCase], directory: Path, against: str = "golden"
) -> tuple[Parity, ...]:
    """Its answers against golden vectors, by the tolerances that came with them."""
    found = []
    for case in cases:
        answer = runner.run(golden_inputs(case, directory, runner.artifact))
        for tensor in case.outputs:
            errors = errors_of(tensor, answer[tensor.name], directory)
            for tolerance in case.tolerances[runner.artifact.precision]:
                value = STATISTICS[tolerance.statistic](errors)
                found.append(
                    Parity(
                        against=against,
                        case=case.case,
                        tensor=tensor.name,
                        statistic=tolerance.statistic,
                        value=value if np.isfinite(value) else None,
                        limit=tolerance.at_most,
                        passed=bool(value <= tolerance.at_most),
                    )
                )
    return tuple(found)
