"""Latency of every exported artefact on this machine, one graph against another in one run.

    python -m pytest benchmarks/latency.py                        (after `make export`)
    python -m pytest benchmarks/latency.py --benchmark-json=latency.json

Times of a desktop processor; phones are another matter. Compare rows of one group and one run only: machines are
shared and their speed drifts, and ExecuTorch's Python runtime chooses its own number of threads.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from runtime.backends import open_artifact
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact

ARTIFACTS_DIR = Path("artifacts")
THREADS: dict[str, int | None] = {"tflite": 1, "executorch": None, "coreml": None, "onnx": 1}
"""Format -> CPU threads; None where the runtime chooses."""


def artifacts() -> list[Artifact]:
    """What `make export` made for a processor; nothing where it has not run."""
    made = Manifest.load(ARTIFACTS_DIR).artifacts if ARTIFACTS_DIR.is_dir() else ()
    return [artifact for artifact in made if artifact.delegate in CPU_DELEGATES]


@pytest.mark.parametrize("artifact", [pytest.param(a, id=a.id) for a in artifacts()])
def test_latency(artifact: Artifact, benchmark: BenchmarkFixture) -> None:
    """One call of one artefact, its input already in memory."""
    if artifact.format == "coreml" and sys.platform != "darwin":
        pytest.skip("not run: Core ML runs on macOS and iOS only")
    manifest = Manifest.load(ARTIFACTS_DIR)
    threads = THREADS[artifact.format]
    runner = open_artifact(artifact, ARTIFACTS_DIR, threads)
    generator = np.random.default_rng(0)
    shape = artifact.size_px
    inputs = {
        tensor.name: generator.uniform(*tensor.range, (1, tensor.channels, *shape)).astype(np.float32)
        for tensor in manifest.graphs[artifact.graph].inputs
    }
    counted = "1 thread" if threads == 1 else "its own threads"
    benchmark.group = f"{artifact.graph}, {artifact.format}, {shape[1]}x{shape[0]}, {counted}"
    result = benchmark(runner.run, inputs)
    assert all(np.isfinite(output).all() for output in result.values())


def main() -> int:
    """Have pytest run this file: it prints the table."""
    if not artifacts():
        print(f"error: no export at {ARTIFACTS_DIR}: run `make export` first", file=sys.stderr)
        return 2
    return pytest.main([__file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
