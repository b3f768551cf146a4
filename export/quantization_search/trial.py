"""Makes candidate files, judges them by their gates and times them, in a process of its own.

    python -m export.quantization_search.trial JOB.json

One result file for each candidate, as soon as it is known: a converter or a kernel that crashes takes one candidate
with it, and ``export.search`` goes on with the next.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.data.calibration import Samples
from export.data.golden_cases import Case
from export.graphs.specs import GraphSpec, example_inputs
from export.quantization_search.candidates import Candidate
from export.verification.gates import compare
from runtime.manifest.check_records import ParityFigure
from runtime.manifest.json_codec import from_json, to_json
from runtime.system.errors import first_line
from runtime.system.files import write_atomically
from runtime.system.silence import silence

WARM_UP_RUNS = 2
SUFFIXES = {"tflite": ".tflite", "executorch": ".pte", "onnx": ".onnx"}


@dataclass(frozen=True, kw_only=True)
class SearchKit:
    """What all candidates of a graph share; pickled, since weights and samples are large."""

    float_spec: GraphSpec
    tuned_spec: GraphSpec
    """With the weights fine-tuned for int8; the float ones where there are none."""
    samples: Samples
    cases: tuple[Case, ...]
    height_px: int
    width_px: int


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

    kit: str
    """File of the ``SearchKit``."""
    rounds: int
    """Of timing."""
    indices: tuple[int, ...]
    """Of the candidates, among all of their graph and format."""
    candidates: tuple[Candidate, ...]
    """All of one graph and format."""


def write(spec: GraphSpec, kit: SearchKit, path: Path, format_: str, arguments: Mapping[str, Any]) -> None:
    """Write a file of the format; ``arguments`` go to its writer."""
    from export.formats.onnx.write import write_onnx
    from export.formats.pte.xnnpack import write_pte
    from export.formats.tflite.write import write_tflite

    inputs = example_inputs(spec, kit.height_px, kit.width_px)
    names = [meaning.name for meaning in spec.inputs], [meaning.name for meaning in spec.outputs]
    if format_ == "tflite":
        write_tflite(spec.module, inputs, *names, path, **arguments)
    elif format_ == "executorch":
        write_pte(spec.module, inputs, path, **arguments)
    else:
        write_onnx(spec.module, inputs, *names, path, **arguments)


def open_file(path: Path, spec: GraphSpec) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """A function from (1, C, H, W) float32 inputs by name to outputs; it computes on the calling thread alone."""
    inputs, outputs = ([m.name for m in meanings] for meanings in (spec.inputs, spec.outputs))
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        call = Interpreter(model_path=str(path), num_threads=1).get_signature_runner()
        return lambda values: {
            name: value.transpose(0, 3, 1, 2)
            for name, value in call(
                **{name: np.ascontiguousarray(values[name].transpose(0, 2, 3, 1)) for name in inputs}
            ).items()
        }
    if path.suffix == ".pte":
        import torch
        from executorch.extension.pybindings import _portable_lib
        from executorch.runtime import Runtime

        _portable_lib._unsafe_reset_threadpool(1)
        program = Runtime.get().load_program(path)
        method = program.load_method("forward")

        def execute(values: Mapping[str, np.ndarray], _keep: Any = program) -> dict[str, np.ndarray]:
            results = method.execute([torch.from_numpy(values[name]) for name in inputs])
            return dict(zip(outputs, (result.numpy().copy() for result in results), strict=True))

        return execute
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda values: dict(zip(outputs, session.run(outputs, {n: values[n] for n in inputs}), strict=True))


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


def attempt(candidate: Candidate, kit: SearchKit, folder: Path, rounds: int) -> Trial:
    """Make, judge and time one candidate.

    Args:
        candidate: what to make.
        kit: of its graph.
        folder: for its file; the float file of the format lies there already, or is made.
        rounds: of timing.
    """
    spec = kit.tuned_spec if candidate.fine_tuned else kit.float_spec
    suffix = SUFFIXES[candidate.format]
    path, plain = folder / f"int8{suffix}", folder / f"{candidate.graph}_fp32{suffix}"
    if not plain.exists():
        write(kit.float_spec, kit, plain, candidate.format, {"precision": "fp32"})
    arguments = {"precision": "int8", "calibration": kit.samples, "settings": candidate.settings}
    write(spec, kit, path, candidate.format, arguments)
    run, run_plain = open_file(path, spec), open_file(plain, spec)
    figures = [f for case in kit.cases for f in compare(candidate.graph, "int8", case, run(case.inputs))]
    picture = kit.cases[0].inputs
    times = paired_times_ms([lambda: run_plain(picture), lambda: run(picture)], rounds)
    ratios = times[:, 0] / times[:, 1]
    return Trial(
        candidate=candidate,
        figures=tuple(figures),
        size_bytes=path.stat().st_size,
        float_size_bytes=plain.stat().st_size,
        latency_ms=float(np.median(times[:, 1])),
        speedup=float(np.median(ratios)),
        speedup_quartiles=(float(np.quantile(ratios, 0.25)), float(np.quantile(ratios, 0.75))),
    )


def main() -> int:
    """Run one job; see the module's docstring."""
    path = Path(sys.argv[1])
    job = from_json(TrialJob, json.loads(path.read_text(encoding="utf-8")), path.name)
    kit = pickle.loads(Path(job.kit).read_bytes())
    for index, candidate in zip(job.indices, job.candidates, strict=True):
        try:
            with silence():
                trial = attempt(candidate, kit, path.parent, job.rounds)
        except Exception as error:
            trial = Trial(candidate=candidate, failure=first_line(error))
        write_atomically(result_path(path.parent, index), json.dumps(to_json(trial)).encode())
    return 0


def result_path(folder: Path, index: int) -> Path:
    """Where the result of a candidate goes."""
    return folder / f"result_{index}.json"


if __name__ == "__main__":
    sys.exit(main())
