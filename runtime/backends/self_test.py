"""Runs every file of a back end against the golden vectors that came with it."""

from __future__ import annotations

from pathlib import Path

from runtime.backends import OPENERS, open_artifact
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.golden_vectors import misses, read_input
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact
from runtime.system.errors import ReblurError, reason_of


def artifacts_of(manifest: Manifest, backend: str, precision: str | None = None) -> list[Artifact]:
    """The artefacts of a back end that were made.

    Raises:
        ReblurError: there is no such back end, or nothing of it (in this precision) in the manifest.
    """
    if backend not in OPENERS:
        raise ReblurError(f"no back end {backend!r}: choose from {', '.join(OPENERS)}")
    made = [a for a in manifest.artifacts if a.status != "not run" and a.delegate in CPU_DELEGATES]
    found = [a for a in made if a.format == backend and precision in (None, a.precision)]
    if not found:
        there = ", ".join(dict.fromkeys(f"{a.format} {a.precision}" for a in made)) or "none"
        raise ReblurError(f"no files for {' '.join(filter(None, (backend, precision)))}: there are {there}")
    return found


def try_artifact(artifact: Artifact, manifest: Manifest, directory: Path, num_threads: int | None = None) -> str:
    """Load an artefact and run it on the golden cases of its graph; what is wrong with it, empty where nothing is."""
    cases = manifest.golden_of(artifact)
    if not cases:
        return f"there is no golden case for {artifact.graph}"
    try:
        runner = open_artifact(artifact, directory, num_threads)
        for case in cases:
            results = runner.run(_inputs(case, directory, artifact.size_px))
            if found := misses(case, artifact.precision, results, directory):
                return f"on {case.case}, {' and '.join(found)}"
    except Exception as error:  # an interpreter may raise anything, and each file is one line
        return reason_of(error)
    return ""


def _inputs(case: GoldenCase, directory: Path, size_px: tuple[int, int]) -> dict:
    return {tensor.name: read_input(tensor, directory, size_px) for tensor in case.inputs}
