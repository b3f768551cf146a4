"""Reads the golden vectors and judges answers by them: all that a device needs to test itself.

An application does the same in its own language; nothing here but reading raw files, a division, a mirror and three
statistics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.manifest.golden_records import GoldenCase, GoldenInput, GoldenOutput, Tolerance
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of

STATISTICS: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "rms": lambda errors: float(np.sqrt(np.mean(errors**2))),
    "mean": lambda errors: float(np.mean(errors)),
    "p99": lambda errors: float(np.sort(errors.ravel())[math.ceil(0.99 * errors.size) - 1]),
}
"""Statistic of absolute errors, by its name in ``Tolerance``."""


def read_input(
    tensor: GoldenInput, directory: Path, size_px: tuple[int, int], *, check_digest: bool = True
) -> FloatArray:
    """The tensor to feed: (1, C, H, W) float32.

    Args:
        tensor: describes the file.
        directory: the manifest's folder.
        size_px: height and width that the graph takes.
        check_digest: whether the file must be the very one described.

    Raises:
        ReblurError: the file is missing, of another size, or not the one described.
    """
    numbers = _read(tensor, directory, check_digest)
    return mirrored(numbers.astype(np.float32) / np.float32(tensor.divisor), *size_px)


def read_output(tensor: GoldenOutput, directory: Path, *, check_digest: bool = True) -> FloatArray:
    """The expected numbers, (1, C, h, w) float32: compare them with ``sampled`` of the answer.

    Raises:
        ReblurError: the file is missing, of another size, or not the one described.
    """
    return _read(tensor, directory, check_digest).astype(np.float32)


def mirrored(tile: FloatArray, height: int, width: int) -> FloatArray:
    """Fill a picture with a tile, mirrored at its right and lower side again and again: (..., h, w) -> (..., H, W)."""
    rows, columns = (_mirrored_index(n, size) for n, size in zip(tile.shape[-2:], (height, width), strict=True))
    return np.ascontiguousarray(tile[..., rows[:, None], columns])


def sampled(value: FloatArray, stride_px: int) -> FloatArray:
    """Every ``stride_px``-th pixel of every such row: (..., H, W) -> (..., h, w)."""
    return value[..., ::stride_px, ::stride_px]


def misses(golden: GoldenCase, precision: str, results: Mapping[str, FloatArray], directory: Path) -> list[str]:
    """What is wrong with an answer, in words; empty where nothing is.

    Args:
        golden: the case that was run.
        precision: of the arithmetic that answered.
        results: (1, C, H, W) by name.
        directory: the manifest's folder.

    Raises:
        ReblurError: the case has no tolerance for this precision, or its files are missing or altered.
    """
    if precision not in golden.tolerances:
        known = ", ".join(golden.tolerances)
        raise ReblurError(f"{golden.graph} {golden.case} has no tolerance for {precision}: there are {known}")
    found = []
    for tensor in golden.outputs:
        errors = errors_of(tensor, results[tensor.name], directory)
        found += [message for tolerance in golden.tolerances[precision] if (message := _miss(tolerance, errors))]
    return found


def errors_of(tensor: GoldenOutput, result: FloatArray, directory: Path) -> NDArray[np.float64]:
    """Absolute errors of an answer at the pixels that the file has.

    Raises:
        ReblurError: the answer has another size, or the file is missing or altered.
    """
    expected, answer = read_output(tensor, directory), sampled(result, tensor.stride_px)
    if answer.shape != expected.shape:
        raise ReblurError(f"{tensor.name} should have {list(expected.shape)} sampled pixels, got {list(answer.shape)}")
    return np.abs(answer.astype(np.float64) - expected)


def _miss(tolerance: Tolerance, errors: NDArray[np.float64]) -> str:
    value = STATISTICS[tolerance.statistic](errors)
    # A NaN passes no comparison, so it is a miss.
    return "" if value <= tolerance.at_most else f"{tolerance.statistic} error {value:.3g} > {tolerance.at_most:.3g}"


def _read(tensor: GoldenInput | GoldenOutput, directory: Path, check_digest: bool) -> NDArray:
    path = directory / tensor.path
    if not path.is_file():
        raise ReblurError(f"{path} is missing, though the manifest lists it: run `make export` again")
    if check_digest and sha256_of(path) != tensor.sha256:
        raise ReblurError(f"{path} is not the file that the manifest describes: run `make export` again")
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    expected = dtype.itemsize * math.prod(tensor.shape)
    if path.stat().st_size != expected:
        raise ReblurError(f"{path} should have {expected} bytes, has {path.stat().st_size}")
    return np.fromfile(path, dtype).reshape(tensor.shape)


def _mirrored_index(n: int, size: int) -> NDArray[np.intp]:
    at = np.arange(size) % (2 * n)
    return np.where(at < n, at, 2 * n - 1 - at)
