"""Golden vectors as files: the cases in few bytes, for ``export.verify``, the runtime's self-test and applications.

Inputs are one tile of bytes each; outputs are little-endian float32 at every few pixels. All are in NCHW order and
without a header; the manifest says how to read them and how far an answer may be off. Equal tensors share a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.golden import Array, Case, tile_px
from export.parity import tolerances
from runtime.files import write_atomically
from runtime.golden import mirrored, read_input, read_output, sampled
from runtime.schema_golden import GoldenCase, GoldenInput, GoldenOutput

FOLDER = "golden"
SAMPLES_PER_SIDE = 64
"""Least number of output pixels kept along either axis, where there are as many."""


def save_cases(cases: Sequence[Case], directory: Path) -> tuple[GoldenCase, ...]:
    """Write the cases' tensors under ``directory``/golden and describe them for the manifest.

    Args:
        cases: answered at every pixel, their inputs as ``export.golden.as_stored`` makes them.
        directory: the manifest's folder.

    Raises:
        ValueError: a file cannot be written, or an input is not what eight bits and a mirror can say.
    """
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    written: dict[str, str] = {}

    def save(name: str, content: bytes) -> tuple[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in written:
            written[digest] = f"{FOLDER}/{name}"
            write_atomically(directory / written[digest], content)
        return written[digest], digest

    def save_input(case: Case, name: str) -> GoldenInput:
        numbers = _numbers(case, name)
        path, digest = save(f"{case.graph}.{case.name}.{name}.u8", numbers.tobytes())
        return GoldenInput(
            name=name, path=path, dtype="uint8", divisor=case.divisors[name], shape=numbers.shape, layout="NCHW",
            sha256=digest,
        )  # fmt: skip

    def save_output(case: Case, name: str) -> GoldenOutput:
        value = np.ascontiguousarray(case.outputs[name], dtype="<f4")
        path, digest = save(f"{case.graph}.{case.name}.{name}.f32", value.tobytes())
        return GoldenOutput(
            name=name, path=path, dtype="float32", stride_px=case.stride_px, shape=value.shape, layout="NCHW",
            sha256=digest,
        )  # fmt: skip

    return tuple(
        GoldenCase(
            graph=case.graph,
            case=case.name,
            inputs=tuple(save_input(case, name) for name in case.inputs),
            outputs=tuple(save_output(case, name) for name in case.outputs),
            tolerances=tolerances(case),
        )
        for case in map(thinned, cases)
    )


def load_case(golden: GoldenCase, directory: Path, size_px: tuple[int, int], *, check_digests: bool = True) -> Case:
    """Read a case back.

    Args:
        golden: describes it.
        directory: the manifest's folder.
        size_px: height and width of the graph's tensors.
        check_digests: whether the files must be the very ones described; their sizes must be right in any case.

    Raises:
        ValueError: a file is missing, of another size, or not the one described.
    """
    strides = {tensor.stride_px for tensor in golden.outputs}
    if len(strides) != 1:
        raise ValueError(f"{golden.graph} {golden.case} must have one stride_px for all outputs, got {sorted(strides)}")
    return Case(
        graph=golden.graph,
        name=golden.case,
        inputs={t.name: read_input(t, directory, size_px, check_digest=check_digests) for t in golden.inputs},
        outputs={t.name: read_output(t, directory, check_digest=check_digests) for t in golden.outputs},
        divisors={t.name: t.divisor for t in golden.inputs},
        stride_px=strides.pop(),
    )


def thinned(case: Case) -> Case:
    """The case with the outputs at every few pixels."""
    height, width = next(iter(case.inputs.values())).shape[2:]
    stride_px = output_stride_px(height, width)
    outputs = {name: sampled(value, stride_px) for name, value in case.outputs.items()}
    return Case(
        graph=case.graph, name=case.name, inputs=case.inputs, outputs=outputs, divisors=case.divisors,
        stride_px=stride_px,
    )  # fmt: skip


def output_stride_px(height: int, width: int) -> int:
    """The largest odd stride that leaves ``SAMPLES_PER_SIDE`` pixels along the shorter side, at least 1.

    Odd, because the networks halve the resolution a few times: an even stride would see one kind of pixel only.
    """
    largest = max(1, min(height, width) // SAMPLES_PER_SIDE)
    return largest - 1 + largest % 2


def _numbers(case: Case, name: str) -> np.ndarray:
    """The tile of an input as it is stored, (1, C, h, w) uint8."""
    value: Array = case.inputs[name]
    side, divisor = tile_px(*value.shape[2:]), np.float32(case.divisors[name])
    numbers = np.rint(value[..., :side, :side] * divisor).astype(np.uint8)
    if not np.array_equal(mirrored(numbers.astype(np.float32) / divisor, *value.shape[2:]), value):
        raise ValueError(f"{case.graph} {case.name}: {name} is not a mirrored tile of eight-bit numbers")
    return numbers
