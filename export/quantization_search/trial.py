"""Makes candidate files, judges them by their gates and times them, in a process of its own.

    python -m export.quantization_search.trial JOB.json

One result file for each candidate, as soon as it is known: a converter or a kernel that crashes takes one candidate
with it, and ``export.search`` goes on with the next.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.artifacts.make import describe, write
from export.artifacts.shared_inputs import GraphBundle
from export.formats.table import support_of
from export.quantization_search.candidates import Candidate
from export.recipes.jobs import Job
from export.recipes.recipe import Recipe
from export.verification.gates import compare
from runtime.backends.base import GraphRunner
from runtime.manifest.check_records import ParityFigure
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Size
from runtime.system.errors import first_line
from runtime.system.files import write_atomically
from runtime.system.silence import silence

WARM_UP_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class SearchBundle:
    """What all candidates of a graph share; pickled, since weights and samples are large."""

    bundle: GraphBundle
    """With the weights fine-tuned for int8 as those to quantize; the float ones where there are none."""
    size: Size


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of one candidate."""

    candidate: Candidate
    figures: tuple[ParityFigure, ...] = ()
    size_bytes: int = 0
    float_size_bytes: int = 0
    latency_ms: float = 0.0
    """Median processor time of one call, on one thread."""
    speedup: float = 0.0
    """Median over the rounds of the float file's time by this one's."""
    speedup_quartiles: tuple[float, ...] = ()
    """Between which half of the rounds lie."""
    failure: str = ""
    """Why there are no figures; empty where there are."""


@dataclass(frozen=True, kw_only=True)
class TrialJob:
    """What one process is asked to do."""

    bundle: str
    """File of the ``SearchBundle``."""
    rounds: int
    """Of timing."""
    indices: tuple[int, ...]
    """Of the candidates, among all of their graph and format."""
    candidates: tuple[Candidate, ...]
    """All of one graph and format."""


def open_file(job: Job, bundle: GraphBundle, path: Path) -> GraphRunner:
    """Load a file in the runtime that applications use, to compute on the calling thread alone."""
    artifact = dataclasses.replace(describe(job, bundle.spec), path=path.name)
    return support_of(job.recipe.target).runtimes[0].open(artifact, path, 1)


def paired_times_ms(runs: Sequence[Callable[[], Any]], rounds: int) -> np.ndarray:
    """Processor time of the calling thread for each call, in turns: (rounds, number of runs).

    Unlike time on the clock it leaves out what other processes do meanwhile.
    """
    for run in runs:
        for _ in range(WARM_UP_RUNS):
            run()
    times = np.zeros((rounds, len(runs)))
    for row in times:
        for column, run in enumerate(runs):
            start = time.thread_time()
            run()
            row[column] = 1e3 * (time.thread_time() - start)
    return times


def attempt(candidate: Candidate, bundle: SearchBundle, folder: Path, rounds: int) -> Trial:
    """Make, judge and time one candidate.

    Args:
        candidate: what to make.
        bundle: of its graph.
        folder: for its file; the float file of the format lies there already, or is made.
        rounds: of timing.
    """
    own, settings = bundle.bundle, {candidate.format: candidate.settings}
    int8 = dataclasses.replace(own, int8_spec=own.int8_spec if candidate.fine_tuned else own.spec, settings=settings)
    quantized, plain = (_job(candidate, precision, bundle.size) for precision in ("int8", "fp32"))
    path, plain_path = folder / quantized.file_name, folder / plain.file_name
    if not plain_path.exists():
        write(plain, own, plain_path)
    write(quantized, int8, path)
    runner, plain_runner = open_file(quantized, own, path), open_file(plain, own, plain_path)
    figures = [f for case in own.cases for f in compare(candidate.graph, "int8", case, runner.run(case.inputs))]
    picture = own.cases[0].inputs
    times = paired_times_ms([lambda: plain_runner.run(picture), lambda: runner.run(picture)], rounds)
    ratios = times[:, 0] / times[:, 1]
    return Trial(
        candidate=candidate,
        figures=tuple(figures),
        size_bytes=path.stat().st_size,
        float_size_bytes=plain_path.stat().st_size,
        latency_ms=float(np.median(times[:, 1])),
        speedup=float(np.median(ratios)),
        speedup_quartiles=(float(np.quantile(ratios, 0.25)), float(np.quantile(ratios, 0.75))),
    )


def _job(candidate: Candidate, precision: str, size: Size) -> Job:
    recipe = Recipe(graph=candidate.graph, target=candidate.format, precision=precision)
    return Job(recipe=recipe, size=size, is_first_size=True)


def main() -> int:
    """Run one job; see the module's docstring."""
    path = Path(sys.argv[1])
    job = from_json(TrialJob, json.loads(path.read_text(encoding="utf-8")), path.name)
    bundle = pickle.loads(Path(job.bundle).read_bytes())
    for index, candidate in zip(job.indices, job.candidates, strict=True):
        try:
            with silence():
                trial = attempt(candidate, bundle, path.parent, job.rounds)
        except Exception as error:
            trial = Trial(candidate=candidate, failure=first_line(error))
        write_atomically(result_path(path.parent, index), json.dumps(to_json(trial)).encode())
    return 0


def result_path(folder: Path, index: int) -> Path:
    """Where the result of a candidate goes."""
    return folder / f"result_{index}.json"


if __name__ == "__main__":
    sys.exit(main())
