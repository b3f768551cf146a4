"""Runs a saved file again and compares it with the float reference: the one check behind export and verify."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from export.analysis.findings import lint_findings
from export.data.golden_cases import SYNTHETIC, Case
from export.data.golden_files import thinned
from export.formats.support import Runtime
from export.formats.table import coverage, read_graph, runtimes_of, support_of
from export.recipes.recipe import Recipe
from export.recipes.tool_versions import tool_versions
from export.verification.cross_runtime import save_results
from export.verification.gates import FloatArray, compare
from runtime.manifest.check_records import DelegateCoverage, ParityFigure
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError, reason_of
from runtime.system.silence import silence
from runtime.system.version import reblur_version

GOLDEN_PIXELS = ", golden pixels"
"""What stands after a case's name where a figure is of the pixels that golden vectors have."""


def check_artifact(artifact: Artifact, directory: Path, cases: Sequence[Case], results: Path | None = None) -> Artifact:
    """Load an artefact's file, run it on the cases of its graph and judge the results.

    Args:
        artifact: what the file should be.
        directory: its folder.
        cases: of any graphs; those of the artefact's own are used.
        results: where to save what it answered, for the matrix; None saves nothing.

    Returns:
        The artefact with ``status``, ``reason``, ``parity``, ``coverage`` and ``lint`` filled in. A graph that a
        delegate takes in more than one piece has failed. The traceback of what went wrong goes to standard error.
    """
    own = [case for case in cases if case.graph == artifact.graph]
    figures: list[ParityFigure] = []
    answers: dict[str, dict[str, FloatArray]] = {}
    try:
        if not own:
            raise ReblurError(f"there is no golden case for {artifact.graph}")
        with silence():
            for runtime in runtimes_of(artifact):
                answers[runtime.name] = _run(runtime, artifact, directory, own, figures)
    except Exception as error:
        traceback.print_exc()
        return failed(artifact, error, figures)
    if results is not None:
        save_results(results, answers)
    misses = [figure for figure in figures if not figure.passed]
    if misses:
        return failed(artifact, ReblurError(_describe(misses)), figures)
    try:
        graph = read_graph(directory / artifact.path, artifact.function)
        parts, findings = coverage(graph), lint_findings(graph)
    except Exception as error:
        traceback.print_exc()
        return failed(artifact, error, figures)
    covered = tuple(DelegateCoverage(**dataclasses.asdict(part)) for part in parts)
    artifact = dataclasses.replace(artifact, coverage=covered, lint=findings)
    torn = [part.failure for part in parts if part.failure]
    if torn:
        return failed(artifact, ReblurError(torn[0]), figures)
    return dataclasses.replace(artifact, status="passed", reason="", parity=tuple(figures))


def judge(artifact: Artifact, case: Case, outputs: Mapping[str, FloatArray], runtime: str = "") -> list[ParityFigure]:
    """The figures of one run, and those that golden vectors have the pixels for: ``export.verify`` finds them again.

    Percentiles of few pixels are not those of all, and no file may pass here and fail its own self-test.
    """
    found = compare(artifact.graph, artifact.precision, case, outputs)
    fewer = thinned(case)
    if case.stride_px != fewer.stride_px:
        golden = compare(artifact.graph, artifact.precision, fewer, outputs)
        found += [dataclasses.replace(figure, case=f"{figure.case}{GOLDEN_PIXELS}") for figure in golden]
    return [dataclasses.replace(figure, runtime=runtime) for figure in found]


def failed(artifact: Artifact, error: Exception, figures: Sequence[ParityFigure] = ()) -> Artifact:
    """The artefact marked as failed, with the error's first line as the reason."""
    return dataclasses.replace(artifact, status="failed", reason=reason_of(error), parity=tuple(figures))


def tools_of(recipe: Recipe) -> dict[str, str]:
    """Versions of what made the file and of what ran it again."""
    runtimes = support_of(recipe.target).runtimes
    packages = [package for runtime in runtimes for package in runtime.packages]
    versions = tool_versions(dict.fromkeys((*recipe.packages, *packages)))
    own = {runtime.name.split(" ")[0]: reblur_version() for runtime in runtimes if not runtime.packages}
    return {**versions, **own}


def size_mib(artifact: Artifact) -> float:
    """Size of all files of an artefact."""
    return sum(file.bytes for file in artifact.files) / 2**20


def _run(
    runtime: Runtime, artifact: Artifact, directory: Path, cases: Sequence[Case], figures: list[ParityFigure]
) -> dict[str, FloatArray]:
    """Run the file in one runtime; its figures are added to ``figures``.

    Returns:
        Case -> what it answered at the pixels that golden vectors have.
    """
    runner = runtime.open(artifact, directory / artifact.path, None)
    answers = {}
    for case in _most_informative(cases) if runtime.is_slow else cases:
        outputs = runner.run(case.inputs)
        figures += judge(artifact, case, outputs, runtime.name)
        (output,) = outputs.values()
        answers[case.name] = (thinned(case) if case.stride_px == 1 else case).sampled(output)
    return answers


def _most_informative(cases: Sequence[Case]) -> Sequence[Case]:
    """The one case that says most."""
    return [case for case in cases if case.name == SYNTHETIC] or cases[:1]


def _describe(misses: Sequence[ParityFigure]) -> str:
    first = misses[0]
    value = "no number" if first.value is None or first.value != first.value else f"{first.value:.4g}"
    more = f", and {len(misses) - 1} more" if len(misses) > 1 else ""
    where = f"{first.case} ({first.runtime})" if first.runtime else first.case
    return f"{first.metric} is {value} on {where}, its gate is {first.threshold:g}{more}"
