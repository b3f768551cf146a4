"""The one table of what is measured: part -> groups of cases that take turns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.candidates import artifacts, blurs, kernels, networks, pipelines
from benchmarks.measuring.cases import BACKENDS, WHOLES, Case
from benchmarks.measuring.session import Session, tell
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES
from runtime.system.errors import ReblurError

Group = list[Case]
SIZES_PX = ((256, 256), (512, 512), (768, 1024), (1536, 2048))
"""That the networks are exported at anew, from 256 to 2048 px."""
KERNEL_SIZE_PX = (384, 512)
YARDSTICKS = ("eager", "compile", "onnx")
"""Other ways to run the same networks."""
TAP_PRECISIONS = ("fp32", "int8")
ASPECT = 4.0 / 3.0
"""Width to height of a photograph."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for."""

    directory: Path
    """Of the export."""
    threads: Sequence[int]
    megapixels: Sequence[float] = (0.25, 1.0)
    sizes_px: Sequence[tuple[int, int]] = SIZES_PX
    backends: Sequence[str] = BACKENDS
    """Of the pipelines, and of the files in memory; those that the export has not are passed over."""
    networks: Sequence[str] = networks.PUBLISHED
    """Of others, that ours are held against."""

    def __post_init__(self) -> None:
        if not self.threads:
            raise ReblurError("expected a number of threads, got none")


def files(plan: Plan) -> Iterator[Group]:
    """Every artefact, those of one graph and size in turns, with torch and onnxruntime on the same network."""
    manifest = Manifest.load(plan.directory, with_checks=False)
    for threads in plan.threads:
        for graph in dict.fromkeys(artifact.graph for artifact in manifest.artifacts):
            group = artifacts.cases(plan.directory, threads, (graph,))
            if graph in networks.NETWORKS:
                group += networks.cases((graph,), YARDSTICKS[:2], group[0].size_px, threads)
            yield group


def sizes(plan: Plan) -> Iterator[Group]:
    """The networks by the size of the picture."""
    for size_px in plan.sizes_px:
        for graph in ("defocus", "deblur"):
            yield networks.cases((graph,), ("tflite", "onnx", "eager"), size_px, plan.threads[-1])


def stages(plan: Plan) -> Iterator[Group]:
    """Every stage of a photograph as large as the files are, by every pipeline."""
    for backend, precision in _pipelines(plan):
        size_px = _own_size(plan)
        yield pipelines.cases(plan.directory, backend, precision, size_px, plan.threads[-1])


def taps(plan: Plan) -> Iterator[Group]:
    """First open, tap and file to file by megapixels."""
    for precision in TAP_PRECISIONS:
        if ("tflite", precision) in _pipelines(plan):
            for size in plan.megapixels:
                yield pipelines.cases(plan.directory, "tflite", precision, photo_size(size), plan.threads[-1], WHOLES)


def single_operations(plan: Plan) -> Iterator[Group]:
    """The kernels, and the calibration kernel among them."""
    yield kernels.cases(KERNEL_SIZE_PX, plan.threads[0])


def in_memory(plan: Plan) -> Iterator[Group]:
    """What the pass over memory looks at: files of the processor, file to file, and the forms of one kernel."""
    manifest = Manifest.load(plan.directory, with_checks=False)
    made = {artifact.id: artifact for artifact in manifest.artifacts}
    found = artifacts.cases(plan.directory, plan.threads[-1])
    yield [case for case in found if made[case.id].delegate in CPU_DELEGATES and case.backend in plan.backends]
    for backend, precision in _pipelines(plan):
        for size in (plan.megapixels[0], plan.megapixels[-1]):
            yield pipelines.cases(plan.directory, backend, precision, photo_size(size), plan.threads[-1], ("total",))
    yield kernels.cases(KERNEL_SIZE_PX, plan.threads[0], ("isotropic-rings", "isotropic-naive"))


def back_to_back(plan: Plan) -> Iterator[Group]:
    """What is run for minutes: the tap."""
    backend, precision = _pipelines(plan)[0]
    yield pipelines.cases(plan.directory, backend, precision, _own_size(plan), plan.threads[-1], ("tap",))


def peers(plan: Plan) -> Iterator[Group]:
    """Our deblurrer beside published networks, and our blur beside others: the same picture, in turns."""
    for size_px in plan.sizes_px:
        ours = [
            case
            for case in artifacts.cases(plan.directory, plan.threads[-1], ("deblur",))
            if case.backend in plan.backends and case.size_px == size_px
        ]
        yield [*ours, *networks.cases(plan.networks, ("onnx", "tflite"), size_px, plan.threads[-1])]
        yield blurs.cases(size_px, plan.threads[-1], plan.directory)


def peer_memory(plan: Plan) -> Iterator[Group]:
    """Memory of our deblurrer and of the published networks, in onnxruntime, at the smallest of the sizes."""
    size_px = plan.sizes_px[0]
    ours = artifacts.cases(plan.directory, plan.threads[-1], ("deblur",))
    yield [case for case in ours if (case.backend, case.precision, case.size_px) == ("onnx", "fp32", size_px)]
    yield networks.cases(plan.networks, ("onnx",), size_px, plan.threads[-1])


PARTS: dict[str, Callable[[Plan], Iterator[Group]]] = {
    "files": files,
    "stages": stages,
    "taps": taps,
    "sizes": sizes,
    "kernels": single_operations,
    "memory": in_memory,
    "sustained": back_to_back,
    "peers": peers,
    "peer-memory": peer_memory,
}
"""Part -> its groups."""
PASSES: dict[str, Callable[[Session, Group], None]] = {
    "memory": lambda session, group: session.memory(group),
    "peer-memory": lambda session, group: session.memory(group),
    "sustained": lambda session, group: session.sustained(group),
}
"""Of parts that are not timed in turns."""


def measure(part: str, session: Session, plan: Plan) -> None:
    """Measure every group of a part; a part that the export has not the files for is told, and left out."""
    try:
        groups = list(PARTS[part](plan))
    except ReblurError as error:
        tell(f"{part} not run: {error}")
        return
    for group in filter(None, groups):
        PASSES.get(part, lambda session, group: session.latency([group]))(session, group)


def photo_size(megapixels: float) -> tuple[int, int]:
    """Height and width of a photograph of so many megapixels, in steps of 16."""
    height = math.sqrt(megapixels * 1e6 / ASPECT)
    return 16 * max(2, round(height / 16)), 16 * max(2, round(ASPECT * height / 16))


def _own_size(plan: Plan) -> tuple[int, int]:
    size = Manifest.load(plan.directory, with_checks=False).sizes[0]
    return size.height_px, size.width_px


def _pipelines(plan: Plan) -> list[tuple[str, str]]:
    """Format and precision of the pipelines for a processor.

    Raises:
        ReblurError: there is none.
    """
    made = pipelines.of_processor(Manifest.load(plan.directory, with_checks=False), plan.backends)
    found = [(pipeline.backend, pipeline.precision) for pipeline in made]
    if not found:
        raise ReblurError(f"{plan.directory} has no pipeline of {', '.join(plan.backends)}")
    return list(dict.fromkeys(found))
