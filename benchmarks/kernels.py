"""Time of single operations: the blur in its forms, tiling, optics, smoothing, decoding; comparable between commits.

    python -m pytest benchmarks/kernels.py
    python -m pytest benchmarks/kernels.py --benchmark-autosave     then, after a change, --benchmark-compare

On one thread. ``python -m benchmarks.latency --kernels`` times the same as rows, beside a calibration kernel, by which
``python -m benchmarks.report --baseline`` compares machines and commits.
"""

from __future__ import annotations

import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.candidates.kernels import KERNELS, cases, open_case

SIZE_PX = (384, 512)


@pytest.mark.parametrize("name", KERNELS)
def test_kernel(name: str, benchmark: BenchmarkFixture) -> None:
    """One call, its inputs in memory."""
    (case,) = cases(SIZE_PX, 1, (name,))
    benchmark.group = f"{SIZE_PX[0]}x{SIZE_PX[1]}, 1 thread"
    benchmark(open_case(case).run)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
