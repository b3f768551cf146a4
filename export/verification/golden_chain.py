"""Golden vectors of a photograph's whole way, and of the two steps on it that no graph does: smoothing and optics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.execution.output_folder import GOLDEN_FOLDER
from export.graphs.specs import GraphSpec
from export.verification.end_to_end import GOLDEN, STRIDE_PX, EndToEndCase, PipelineReference, float_graph
from export.verification.gates import PIPELINE, PRECISION_CLASS, gate_rules
from runtime.manifest.golden_records import GoldenChain, GoldenInput, GoldenOutput, Tolerance
from runtime.manifest.golden_vectors import read_input, read_output
from runtime.refocusing import optics
from runtime.refocusing.pipeline import GRAPHS, RefocusPipeline
from runtime.system.arrays import FloatArray
from runtime.system.files import write_atomically

MAP_TOLERANCE_PX = 1e-3
"""What float32 sums in another order leave of a map, with room."""
PREFIX = "chain"


def save_golden_chain(reference: PipelineReference, specs: Mapping[str, GraphSpec], directory: Path) -> GoldenChain:
    """Write the vectors under ``directory``/golden, and describe them.

    Args:
        reference: of the first size.
        specs: the float graphs it was made from.
        directory: the manifest's folder.
    """
    (case,) = (case for case in reference.cases if case.name == GOLDEN)
    size_px = reference.size_px
    pipeline = RefocusPipeline(
        {name: float_graph(specs[name], *size_px) for name in GRAPHS},
        sigma_max_px=reference.sigma_max_px,
        target_max_px=reference.target_max_px,
        working_long_side_px=max(case.photo.shape),
    )
    analysis = pipeline.analyse(case.photo.astype(np.float32) / np.float32(255.0))
    target = optics.target_sigma_px(
        analysis.defocus_px, case.focus_xy, case.aperture, reference.target_max_px, analysis.confidence
    )
    (directory / GOLDEN_FOLDER).mkdir(exist_ok=True)
    photo = np.ascontiguousarray(case.photo.transpose(2, 0, 1))[None]
    path, digest = _write(directory, "photo.u8", photo)
    return GoldenChain(
        photo=GoldenInput(
            name="photo", path=path, dtype="uint8", divisor=255.0, shape=photo.shape, layout="NCHW", sha256=digest
        ),
        focus_xy=case.focus_xy,
        f_number=case.aperture,
        sigma_px=_output(directory, "sigma_px", analysis.sigma_px[None, None], 1),
        defocus_px=_output(directory, "defocus_px", analysis.defocus_px[None, None], 1),
        target_sigma_px=_output(directory, "target_sigma_px", target[None, None], 1),
        refocused=_output(directory, "refocused", case.refocused.transpose(2, 0, 1)[None], STRIDE_PX),
        map_tolerance_px=MAP_TOLERANCE_PX,
        tolerances={precision: (_tolerance(precision),) for precision in PRECISION_CLASS},
    )


def load_golden_chain(chain: GoldenChain, directory: Path, *, check_digests: bool = True) -> EndToEndCase:
    """The case again, as ``check_pipeline_parity`` takes it.

    Raises:
        ReblurError: a file is missing, of another size, or not the one described.
    """
    height, width = chain.photo.shape[2:]
    photo = read_input(chain.photo, directory, (height, width), check_digest=check_digests)
    refocused = read_output(chain.refocused, directory, check_digest=check_digests)
    return EndToEndCase(
        name=GOLDEN,
        photo=np.rint(photo[0].transpose(1, 2, 0) * chain.photo.divisor).astype(np.uint8),
        focus_xy=chain.focus_xy,
        aperture=chain.f_number,
        refocused=np.ascontiguousarray(refocused[0].transpose(1, 2, 0)),
    )


def _tolerance(precision: str) -> Tolerance:
    (rule,) = gate_rules(PIPELINE, precision)
    return Tolerance(statistic="rms", at_most=10.0 ** (-rule.threshold / 20.0))


def _output(directory: Path, name: str, value: FloatArray, stride_px: int) -> GoldenOutput:
    numbers = np.ascontiguousarray(value, dtype="<f4")
    path, digest = _write(directory, f"{name}.f32", numbers)
    return GoldenOutput(
        name=name, path=path, dtype="float32", stride_px=stride_px, shape=numbers.shape, layout="NCHW", sha256=digest
    )


def _write(directory: Path, ending: str, numbers: NDArray) -> tuple[str, str]:
    """Path relative to the manifest, and digest."""
    path = f"{GOLDEN_FOLDER}/{PREFIX}.{ending}"
    content = numbers.tobytes()
    write_atomically(directory / path, content)
    return path, hashlib.sha256(content).hexdigest()
