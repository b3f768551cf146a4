"""Golden vectors as files: the cases in few bytes, for ``export.verify``, the runtime's self-test and applications.

Inputs are one tile of bytes each; outputs are little-endian float32 at every few pixels. All are in NCHW order and
without a header; the manifest says how to read them and how far an answer may be off. Equal tensors share a file.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.data.golden_cases import Case, FloatArray, output_stride_px, tile_px
from export.execution.output_folder import GOLDEN_FOLDER
from runtime.manifest.golden_records import GoldenCase, GoldenInput, GoldenOutput, Tolerance
from runtime.manifest.golden_vectors import mirrored, read_input, read_output, sampled
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of, write_atomically

Tolerances = Callable[[Case], dict[str, tuple[Tolerance, ...]]]
"""A case -> precision -> the largest errors allowed."""


def save_cases(
    cases: Sequence[Case], directory: Path, tolerances: Tolerances, *, first_size: bool = True
) -> tuple[GoldenCase, ...]:
    """Write the cases' tensors under ``directory``/golden and describe them for the manifest.

    Args:
        cases: of one size, answered at every pixel, their inputs as ``export.data.golden_cases.as_stored`` makes them.
        directory: the manifest's folder.
        tolerances: how far an answer may be off, of each case.
        first_size: False for every size but the first. Their files have the size in their names, and a tensor equal
            to one that is there already gets no file of its own.

    Raises:
        ReblurError: a file cannot be written, or an input is not what eight bits and a mirror can say.
    """
    folder = directory / GOLDEN_FOLDER
    folder.mkdir(exist_ok=True)
    there = () if first_size else sorted(path for path in folder.iterdir() if path.suffix in (".u8", ".i8", ".f32"))
    store = _Store(
        directory=directory,
        tolerances=tolerances,
        names_size=not first_size,
        written={sha256_of(path): path.name for path in there},
    )
    return tuple(store.save(thinned(case)) for case in cases)


@dataclass(frozen=True, kw_only=True)
class _Store:
    """Writes tensors, each content once."""

    directory: Path
    tolerances: Tolerances
    names_size: bool
    written: dict[str, str]
    """Digest -> name of the file."""

    def save(self, case: Case) -> GoldenCase:
        """Write a thinned case."""
        height, width = case.size_px
        return GoldenCase(
            graph=case.graph,
            case=case.name,
            height_px=height,
            width_px=width,
            inputs=tuple(self._input(case, name) for name in case.inputs),
            outputs=tuple(self._output(case, name, value, case.stride_px) for name, value in case.outputs.items()),
            truth=tuple(
                self._output(case, f"true_{name}", value, case.truth_stride_px, name)
                for name, value in case.truth.items()
            ),
            tolerances=self.tolerances(case),
            achieved={arithmetic: dict(figures) for arithmetic, figures in case.achieved.items()},
        )

    def _input(self, case: Case, name: str) -> GoldenInput:
        numbers = _numbers(case, name)
        ending = "u8" if numbers.dtype == np.uint8 else "i8"
        path, digest = self._write(case, f"{name}.{ending}", numbers.tobytes())
        return GoldenInput(
            name=name,
            path=path,
            dtype="uint8" if ending == "u8" else "int8",
            divisor=case.divisors[name],
            shape=numbers.shape,
            layout="NCHW",
            sha256=digest,
        )

    def _output(self, case: Case, label: str, value: FloatArray, stride_px: int, name: str = "") -> GoldenOutput:
        numbers = np.ascontiguousarray(value, dtype="<f4")
        path, digest = self._write(case, f"{label}.f32", numbers.tobytes())
        return GoldenOutput(
            name=name or label,
            path=path,
            dtype="float32",
            stride_px=stride_px,
            shape=numbers.shape,
            layout="NCHW",
            sha256=digest,
        )

    def _write(self, case: Case, ending: str, content: bytes) -> tuple[str, str]:
        """Path relative to the manifest, and digest."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self.written:
            size = ".{}x{}".format(*case.size_px) if self.names_size else ""
            self.written[digest] = f"{case.graph}.{case.name}{size}.{ending}"
            write_atomically(self.directory / GOLDEN_FOLDER / self.written[digest], content)
        return f"{GOLDEN_FOLDER}/{self.written[digest]}", digest


def load_case(golden: GoldenCase, directory: Path, *, check_digests: bool = True) -> Case:
    """Read a case back.

    Args:
        golden: describes it.
        directory: the manifest's folder.
        check_digests: whether the files must be the very ones described; their sizes must be right in any case.

    Raises:
        ReblurError: a file is missing, of another size, or not the one described.
    """
    size_px = (golden.height_px, golden.width_px)
    return Case(
        graph=golden.graph,
        name=golden.case,
        inputs={t.name: read_input(t, directory, size_px, check_digest=check_digests) for t in golden.inputs},
        outputs={t.name: read_output(t, directory, check_digest=check_digests) for t in golden.outputs},
        divisors={t.name: t.divisor for t in golden.inputs},
        stride_px=_stride_px(golden, golden.outputs),
        truth={t.name: read_output(t, directory, check_digest=check_digests) for t in golden.truth},
        truth_stride_px=_stride_px(golden, golden.truth) if golden.truth else 1,
        achieved=golden.achieved,
    )


def thinned(case: Case) -> Case:
    """The case with the outputs at every few pixels."""
    stride_px = output_stride_px(*case.size_px)
    outputs = {name: sampled(value, stride_px) for name, value in case.outputs.items()}
    return dataclasses.replace(case, outputs=outputs, stride_px=stride_px)


def _numbers(case: Case, name: str) -> np.ndarray:
    """The tile of an input as it is stored, (1, C, h, w): bytes, with a sign where some value is negative."""
    value: FloatArray = case.inputs[name]
    side, divisor = tile_px(*value.shape[2:]), np.float32(case.divisors[name])
    whole = np.rint(value[..., :side, :side] * divisor)
    numbers = whole.astype(np.uint8 if whole.min() >= 0.0 else np.int8)
    if not np.array_equal(mirrored(numbers.astype(np.float32) / divisor, *value.shape[2:]), value):
        raise ReblurError(f"{case.graph} {case.name}: {name} is not a mirrored tile of eight-bit numbers")
    return numbers


def _stride_px(golden: GoldenCase, tensors: tuple[GoldenOutput, ...]) -> int:
    strides = {tensor.stride_px for tensor in tensors}
    if len(strides) != 1:
        raise ReblurError(
            f"{golden.graph} {golden.case} must have one stride_px for all outputs, got {sorted(strides)}"
        )
    return strides.pop()
