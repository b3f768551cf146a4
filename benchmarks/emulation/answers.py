"""Runs every file of an export, and its pipelines, and keeps the answers: here, and by the same code under emulation.

    python -m benchmarks.emulation.answers FOLDER OUT

Nothing but the runtime is imported. One answer is one .npz of (1, C, H, W) tensors, and a line of OUT/answers.jsonl.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from runtime.backends import open_artifact
from runtime.manifest.golden_records import GoldenChain
from runtime.manifest.golden_vectors import read_input
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError, reason_of

BACKENDS = ("tflite", "onnx")
INDEX = "answers.jsonl"
THREADS = 1


def artifacts_of(manifest: Manifest) -> list[Artifact]:
    """The files that both sides can run."""
    return [a for a in manifest.artifacts if a.format in BACKENDS and a.delegate in CPU_DELEGATES and a.files]


def pipelines_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Format and precision of the pipelines that both sides can run."""
    if manifest.golden_chain is None:
        return []
    return [(p.backend, p.precision) for p in manifest.pipelines if p.backend in BACKENDS and p.status == "passed"]


def answers_of(artifact: Artifact, manifest: Manifest, directory: Path) -> Iterator[tuple[str, dict[str, FloatArray]]]:
    """Golden case -> answers by name."""
    runner = open_artifact(artifact, directory, THREADS)
    for case in manifest.golden_of(artifact):
        inputs = {tensor.name: read_input(tensor, directory, artifact.size_px) for tensor in case.inputs}
        yield case.case, runner.run(inputs)


def chain_answer(chain: GoldenChain, manifest: Manifest, directory: Path, backend: str, precision: str) -> FloatArray:
    """A photograph's whole way: (1, 3, h, w)."""
    pipeline = RefocusPipeline.open(directory, backend, precision, num_threads=THREADS)
    height, width = chain.photo.shape[2:]
    photo = read_input(chain.photo, directory, (height, width))[0].transpose(1, 2, 0)
    pipeline.analyse(np.ascontiguousarray(photo))
    refocused = pipeline.refocus((chain.focus_xy[0], chain.focus_xy[1]), chain.f_number)
    return refocused.transpose(2, 0, 1)[None]


def _save(path: Path, tensors: dict[str, FloatArray]) -> None:
    arrays: dict[str, Any] = dict(tensors)
    np.savez(path, **arrays)


def write_all(directory: Path, out: Path) -> None:
    """Run everything; what cannot be run is written down with the reason."""
    manifest = Manifest.load(directory, with_checks=False)
    out.mkdir(parents=True, exist_ok=True)
    with (out / INDEX).open("w", encoding="utf-8") as index:

        def note(**line: object) -> None:
            print(json.dumps(line), file=index, flush=True)
            print(f"{line['id']} {line['case']}: {line['reason'] or 'done'}", file=sys.stderr, flush=True)

        for artifact in artifacts_of(manifest):
            started = time.monotonic()
            try:
                for case, answer in answers_of(artifact, manifest, directory):
                    _save(out / f"{artifact.id}.{case}.npz", answer)
                    note(id=artifact.id, case=case, reason="", seconds=round(time.monotonic() - started, 1))
            except (ReblurError, ImportError) as error:
                note(id=artifact.id, case="", reason=reason_of(error), seconds=0.0)
        for backend, precision in pipelines_of(manifest):
            name = f"{backend}-{precision}"
            assert manifest.golden_chain is not None
            try:
                refocused = chain_answer(manifest.golden_chain, manifest, directory, backend, precision)
                _save(out / f"{name}.chain.npz", {"refocused": refocused})
                note(id=name, case="chain", reason="", seconds=0.0)
            except (ReblurError, ImportError) as error:
                note(id=name, case="chain", reason=reason_of(error), seconds=0.0)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), Path(sys.argv[2]))
