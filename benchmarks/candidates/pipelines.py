"""The way of a photograph, stage by stage and as a whole, through three files of an export."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.candidates.artifacts import digest_of_all, size_of
from benchmarks.measuring.cases import BACKENDS, WHOLES, Case, Opened
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import engine_of
from runtime.backends import open_artifact
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact, Pipeline
from runtime.photos.photo import Photo, read_photo, resize, write_photo
from runtime.refocusing.defocus_map import smooth_defocus
from runtime.refocusing.pipeline import Analysis, RefocusPipeline
from runtime.refocusing.rendering import refocused
from runtime.refocusing.tiling import TiledGraph
from runtime.refocusing.working_size import at_working_size
from runtime.system.errors import ReblurError

PHOTO = Path(__file__).parents[2] / "runtime" / "examples" / "astronaut.jpg"
"""Comes with the project; made larger or smaller for each size."""
FOCUS, F_NUMBER = (0.43, 0.20), 1.0
STAGES = ("decode", "defocus", "deblur", "smooth", "refocus", "preview", "encode")
GRAPHS = ("defocus", "deblur", "refocus")
"""That run on any machine's processor."""


def cases(
    directory: Path,
    backend: str,
    precision: str,
    size_px: tuple[int, int],
    threads: int | None,
    stages: Sequence[str] = (*STAGES, *WHOLES),
) -> list[Case]:
    """A case for each stage of one pipeline on a photograph of one size.

    Raises:
        ReblurError: the export has no such pipeline.
    """
    pipeline = Manifest.load(directory, with_checks=False).pipeline(backend, precision)
    return [
        Case(
            kind="pipeline",
            stage=stage,
            id=pipeline_id(pipeline),
            backend=backend,
            precision=precision,
            size_px=size_px,
            threads=threads,
            source=str(directory),
        )
        for stage in stages
    ]


def of_processor(manifest: Manifest, backends: Sequence[str] = BACKENDS) -> list[Pipeline]:
    """The pipelines of an export that passed and that this machine's processor runs."""
    return [
        pipeline
        for pipeline in manifest.pipelines
        if pipeline.backend in backends and pipeline.delegate in CPU_DELEGATES and pipeline.status == "passed"
    ]


def pipeline_id(pipeline: Pipeline) -> str:
    """As in a row's subject."""
    return f"{pipeline.backend}-{pipeline.precision}-{pipeline.height_px}x{pipeline.width_px}"


class _Way:
    """A photograph of one size on disk, and the pipeline that refocuses it."""

    def __init__(self, case: Case) -> None:
        self.case, directory = case, Path(case.source)
        self.manifest = Manifest.load(directory, with_checks=False)
        record = self.manifest.pipeline(case.backend, case.precision)
        self.artifacts: list[Artifact] = [self.manifest.artifact(getattr(record, graph)) for graph in GRAPHS]
        self.folder = tempfile.TemporaryDirectory(prefix="reblur-bench-")
        self.path = Path(self.folder.name) / "photo.jpg"
        self.out = Path(self.folder.name) / "out.jpg"
        original = read_photo(PHOTO)
        write_photo(self.path, resize(original.samples, *case.size_px), like=original)
        started = time.perf_counter()
        # From file to file is what `reblur refocus` does, which opens the networks for each photograph.
        keep = case.stage != "total"
        self.pipeline = RefocusPipeline.open(
            directory, case.backend, case.precision, num_threads=case.threads, keep_networks=keep
        )
        self.load_ms = 1000.0 * (time.perf_counter() - started)
        self.working = self.pipeline.working_size_of(*case.size_px)

    def photo(self) -> Photo:
        return read_photo(self.path)

    def tiled(self, graph: str, artifact: Artifact) -> TiledGraph:
        runner = open_artifact(artifact, Path(self.case.source), self.case.threads)
        return TiledGraph.of(runner, self.manifest.graphs[graph].halo_px)

    def analysis(self) -> Analysis:
        return self.pipeline.analyse(self.photo())


def _decode(way: _Way) -> Callable[[], object]:
    return lambda: at_working_size(way.photo(), *way.working)


def _network(graph: str) -> Callable[[_Way], Callable[[], object]]:
    def make(way: _Way) -> Callable[[], object]:
        analysis = way.analysis()
        tiled = way.tiled(graph, way.artifacts[GRAPHS.index(graph)])
        inputs = {"image": analysis.picture.transpose(2, 0, 1)[None]}
        if graph == "deblur":
            inputs["sigma_px"] = analysis.sigma_px[None, None]
        return lambda: tiled.anywhere(inputs)

    return make


def _smooth(way: _Way) -> Callable[[], object]:
    analysis = way.analysis()
    return lambda: smooth_defocus(analysis.sigma_px, analysis.picture, way.pipeline.sigma_max_px)


def _blur(graph: str) -> Callable[[_Way], Callable[[], object]]:
    def make(way: _Way) -> Callable[[], object]:
        analysis = way.analysis()
        refocus = way.artifacts[GRAPHS.index("refocus")]
        artifact = way.manifest.artifact(refocus.id.replace("refocus-", f"{graph}-", 1))
        tiled = way.tiled(graph, artifact)
        rows = np.linspace(-8.0, 16.0, way.working[0], dtype=np.float32)[:, None]
        target = np.broadcast_to(rows, way.working).copy()
        return lambda: refocused(tiled, analysis.lit, target)

    return make


def _encode(way: _Way) -> Callable[[], object]:
    photo = way.photo()
    return lambda: write_photo(way.out, photo.samples, like=photo)


def _first_open(way: _Way) -> Callable[[], object]:
    return lambda: way.pipeline.analyse(way.photo())


def _tap(way: _Way) -> Callable[[], object]:
    way.pipeline.analyse(way.photo())
    return lambda: way.pipeline.refocus(FOCUS, F_NUMBER)


def _total(way: _Way) -> Callable[[], object]:
    def run() -> None:
        photo = way.photo()
        way.pipeline.analyse(photo)
        write_photo(way.out, way.pipeline.refocus_photo(photo, FOCUS, F_NUMBER), like=photo)

    return run


MAKERS: dict[str, Callable[[_Way], Callable[[], object]]] = {
    "decode": _decode,
    "defocus": _network("defocus"),
    "deblur": _network("deblur"),
    "smooth": _smooth,
    "refocus": _blur("refocus"),
    "preview": _blur("preview"),
    "encode": _encode,
    "first_open": _first_open,
    "tap": _tap,
    "total": _total,
}
"""Stage -> from a photograph on disk to what runs that stage."""


def open_case(case: Case) -> Opened:
    """Load the pipeline and bring a photograph to the stage.

    Raises:
        ReblurError: the export has no such pipeline, or it cannot be loaded here.
    """
    if case.stage not in MAKERS:
        raise ReblurError(f"no stage {case.stage!r}: choose from {', '.join(MAKERS)}")
    way = _Way(case)
    run = MAKERS[case.stage](way)
    files = [file for artifact in way.artifacts for file in artifact.files]
    subject = Subject(
        kind="pipeline",
        id=case.id,
        sha256=digest_of_all(way.artifacts),
        bytes=size_of(files),
        precision=case.precision,
        shape=case.size_px,
    )
    return Opened(
        run=run, subject=subject, engine=engine_of(case), load_ms=way.load_ms if case.stage in WHOLES else None
    )
