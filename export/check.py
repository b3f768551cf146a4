"""Runs a saved file again and compares it with the float reference: the one check behind export and verify."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from export.coverage import READERS, coverage
from export.golden import Case
from export.golden_files import thinned
from export.parity import Array, compare
from export.recipes import TARGETS, Recipe
from export.versions import reblur_version, tool_versions
from runtime.backends import OPENERS
from runtime.backends.base import GraphRunner, from_file, to_file
from runtime.schema import Artifact, DelegateCoverage, ParityFigure
from runtime.silence import silence

INTERPRETER = "export.mil"
"""Our own interpreter of Core ML packages, which runs them on any machine."""
CHECKED_WITH: dict[str, tuple[str, ...]] = {
    "coreml": (INTERPRETER, *(("Core ML",) if sys.platform == "darwin" else ())),
    "tflite": ("ai-edge-litert",),
    "executorch": ("executorch",),
    "onnx": ("onnxruntime",),
}
"""Format -> what runs the saved file here."""
NOT_RUN = (
    "Neural Engine, GPU and NNAPI placement: not run (needs the devices)"
    if sys.platform == "darwin"
    else "Core ML itself, Neural Engine and GPU placement: not run (needs an Apple device)"
)
"""What no check on this machine can show."""


class InterpretedPackage:
    """An .mlpackage run by ``export.mil``, rounding to the artefact's precision. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path) -> None:
        from export.mil import MilProgram

        self.artifact = artifact
        self._program = MilProgram.load(path)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        names = [tensor.name for tensor in self.artifact.inputs]
        values = dict(zip(names, to_file(self.artifact, inputs), strict=True))
        results = self._program.run(values, self.artifact.precision)
        return {tensor.name: from_file(tensor, results[tensor.name]) for tensor in self.artifact.outputs}


def open_runners(artifact: Artifact, directory: Path) -> dict[str, GraphRunner]:
    """Load a saved file with everything that can run it here, by the names in ``CHECKED_WITH``.

    Raises:
        ValueError: the file is refused.
    """
    path = directory / artifact.path
    if artifact.format != "coreml":
        (name,) = CHECKED_WITH[artifact.format]
        return {name: OPENERS[artifact.format](artifact, path, None)}
    runners: dict[str, GraphRunner] = {INTERPRETER: InterpretedPackage(artifact, path)}
    if "Core ML" in CHECKED_WITH["coreml"]:
        runners["Core ML"] = OPENERS["coreml"](artifact, path, None)
    return runners


def check_artifact(artifact: Artifact, directory: Path, cases: Sequence[Case]) -> Artifact:
    """Load an artefact's file, run it on the cases of its graph and judge the results.

    Args:
        artifact: what the file should be.
        directory: its folder.
        cases: of any graphs; those of the artefact's own are used.

    Returns:
        The artefact with ``status``, ``reason``, ``parity`` and ``coverage`` filled in. A graph that a delegate takes
        in more than one piece has failed.
    """
    own = [case for case in cases if case.graph == artifact.graph]
    figures: list[ParityFigure] = []
    try:
        if not own:
            raise ValueError(f"there is no golden case for {artifact.graph}")
        with silence():
            for name, runner in open_runners(artifact, directory).items():
                for case in own:
                    found = judge(artifact, case, runner.run(case.inputs))
                    figures += [_on(name, figure) for figure in found]
    except Exception as error:
        return failed(artifact, error, figures)
    misses = [figure for figure in figures if not figure.passed]
    if misses:
        return failed(artifact, ValueError(_describe(misses)), figures)
    try:
        parts = coverage(directory / artifact.path) if Path(artifact.path).suffix in READERS else ()
    except Exception as error:
        return failed(artifact, error, figures)
    covered = tuple(DelegateCoverage(**dataclasses.asdict(part)) for part in parts)
    artifact = dataclasses.replace(artifact, coverage=covered)
    torn = [part.failure for part in parts if part.failure]
    if torn:
        return failed(artifact, ValueError(torn[0]), figures)
    return dataclasses.replace(artifact, status="passed", reason="", parity=tuple(figures))


def judge(artifact: Artifact, case: Case, results: Mapping[str, Array]) -> list[ParityFigure]:
    """The figures of one run; what an application finds at the pixels it has is added where it misses a gate.

    Percentiles of few pixels are not those of all, and no file may pass here and fail its own self-test.
    """
    found = compare(artifact.graph, artifact.precision, case, results)
    if case.stride_px == 1:
        golden = compare(artifact.graph, artifact.precision, thinned(case), results)
        found += [dataclasses.replace(f, case=f"{f.case}, golden pixels") for f in golden if not f.passed]
    return found


def failed(artifact: Artifact, error: Exception, figures: Sequence[ParityFigure] = ()) -> Artifact:
    """The artefact marked as failed, with the error's first line as the reason."""
    line = (str(error).strip().splitlines() or [""])[0]
    reason = line if isinstance(error, ValueError) and line else f"{type(error).__name__}: {line}"
    return dataclasses.replace(artifact, status="failed", reason=reason, parity=tuple(figures))


def tools_of(recipe: Recipe) -> dict[str, str]:
    """Versions of what made the file and of what ran it again."""
    runners = [name for name in CHECKED_WITH[recipe.format] if name not in (INTERPRETER, "Core ML")]
    versions = tool_versions(dict.fromkeys((*recipe.packages, *runners)))
    if recipe.format == "coreml":
        versions[INTERPRETER] = reblur_version()
    return versions


def size_mib(artifact: Artifact) -> float:
    """Size of all files of an artefact."""
    return sum(file.bytes for file in artifact.files) / 2**20


def _on(runner: str, figure: ParityFigure) -> ParityFigure:
    """The figure, with the runner named in its case where a format has more than one."""
    return dataclasses.replace(figure, case=f"{figure.case} ({runner})") if runner == "Core ML" else figure


def _describe(misses: Sequence[ParityFigure]) -> str:
    first = misses[0]
    value = "no number" if first.value is None or first.value != first.value else f"{first.value:.4g}"
    more = f", and {len(misses) - 1} more" if len(misses) > 1 else ""
    return f"{first.metric} is {value} on {first.case}, its gate is {first.threshold:g}{more}"


assert set(CHECKED_WITH) == set(TARGETS)
