"""Quality of every pipeline of an export, and of the float networks, on the same pictures."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.candidates.artifacts import digest_of_all, size_of
from benchmarks.candidates.pipelines import FOCUS, GRAPHS, of_processor, pipeline_id
from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.machine import conditions_now
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import Session, engine_of, tell
from benchmarks.measuring.statistics import median
from export.graphs.specs import build_graphs
from export.verification.end_to_end import float_graph
from runtime.backends import open_artifact
from runtime.backends.base import cpu_threads
from runtime.manifest.manifest import Manifest
from runtime.metrics import psnr_db
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError, reason_of
from train.checkpoint import load_deployable
from train.data.pair_files import find_pairs, pair_pictures
from train.evaluation.held_out import HeldOut, held_out_scenes, scikit_image_pictures
from train.evaluation.lpips_score import Perceptual, load_perceptual
from train.evaluation.metrics import PSNR_CEILING_DB, score
from train.evaluation.misaligned import measure as measure_pair
from train.evaluation.results import mean_of
from train.evaluation.summary import figures_of
from train.presets import mobile
from train.weights import SHIPPED

SIDE_PX = 256
"""Of a scene, at most: it must fit the files."""
CHAINS = 4
"""Scenes that are also refocused."""
CHAIN_F_NUMBER = 1.0
Figures = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Restorer:
    """The graphs of one pipeline, and what they are."""

    case: Case
    graphs: Mapping[str, TiledGraph]
    subject: Subject
    sigma_max_px: float
    target_max_px: float

    def restored(self, picture: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """(H, W, 3) -> all in focus (H, W, 3), sigma (H, W), milliseconds of both networks."""
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        started = time.perf_counter()
        (sigma,) = self.graphs["defocus"].anywhere({"image": planes}).values()
        sigma = np.clip(sigma, 0.0, self.sigma_max_px)
        (sharp,) = self.graphs["deblur"].anywhere({"image": planes, "sigma_px": sigma}).values()
        taken = 1000.0 * (time.perf_counter() - started)
        return np.clip(sharp[0].transpose(1, 2, 0), 0.0, 1.0), sigma[0, 0], taken

    def refocused(self, picture: FloatArray) -> FloatArray:
        """(H, W, 3) -> the picture focused anew."""
        pipeline = RefocusPipeline(self.graphs, sigma_max_px=self.sigma_max_px, target_max_px=self.target_max_px)
        pipeline.analyse(picture)
        return pipeline.refocus(FOCUS, CHAIN_F_NUMBER)


def measure(session: Session, directory: Path, threads: int, scenes: int, pairs: Path | None) -> None:
    """A row for each pipeline and one for the float networks.

    Raises:
        ReblurError: there is no export, or the pairs cannot be read.
    """
    manifest = Manifest.load(directory, with_checks=False)
    size = manifest.sizes[0]
    torch.set_num_threads(cpu_threads(threads))
    reference = float_restorer(manifest, threads)
    perceptual = _perceptual()
    side = min(SIDE_PX, size.height_px, size.width_px)
    data = None if pairs else _scenes(scenes, side)
    chains = [] if data is None else [reference.refocused(p) for p in _pictures(data.blurry[:CHAINS])]
    on = "pairs" if pairs else "scenes"
    for restorer in [reference, *_of_files(session, manifest, directory, threads)]:
        case = dataclasses.replace(restorer.case, id=f"{restorer.case.id}-on-{on}")
        if session.journal.has("quality", case.name):
            continue
        tell(f"quality of {case.id}")
        figures = (
            _on_scenes(restorer, data, chains, perceptual) if data else _on_pairs(restorer, pairs or Path(), perceptual)
        )
        opened = Opened(run=lambda: None, subject=restorer.subject, engine=engine_of(case))
        session.add("quality", case, opened, conditions_now(), figures=figures)


def float_restorer(manifest: Manifest, threads: int) -> Restorer:
    """The float networks of the shipped checkpoint, for pictures of the export's size."""
    specs = build_graphs(load_deployable(SHIPPED))
    size = manifest.sizes[0]
    graphs = {name: float_graph(specs[name], size.height_px, size.width_px) for name in GRAPHS}
    name = f"float-fp32-{size.height_px}x{size.width_px}"
    case = _case(name, "torch", "fp32", (size.height_px, size.width_px), threads, "")
    subject = Subject(kind="pipeline", id=name, precision="fp32", shape=case.size_px)
    limits = {"sigma_max_px": manifest.sigma_max_px, "target_max_px": manifest.target_max_px}
    return Restorer(case=case, graphs=graphs, subject=subject, **limits)


def _of_files(session: Session, manifest: Manifest, directory: Path, threads: int) -> list[Restorer]:
    """Every pipeline that a processor runs; one that cannot be loaded is written down with the reason."""
    found = []
    for record in of_processor(manifest):
        artifacts = [manifest.artifact(getattr(record, graph)) for graph in GRAPHS]
        size_px = record.height_px, record.width_px
        case = _case(pipeline_id(record), record.backend, record.precision, size_px, threads, str(directory))
        try:
            runners = {a.graph: open_artifact(a, directory, threads) for a in artifacts}
        except ReblurError as error:
            session.not_run("quality", case, reason_of(error))
            continue
        graphs = {name: TiledGraph.of(runner, manifest.graphs[name].halo_px) for name, runner in runners.items()}
        networks = [file for artifact in artifacts[:2] for file in artifact.files]
        subject = Subject(
            kind="pipeline",
            id=case.id,
            sha256=digest_of_all(artifacts),
            bytes=size_of(networks),
            precision=record.precision,
            shape=size_px,
        )
        limits = {"sigma_max_px": manifest.sigma_max_px, "target_max_px": manifest.target_max_px}
        found.append(Restorer(case=case, graphs=graphs, subject=subject, **limits))
    return found


def _case(name: str, backend: str, precision: str, size_px: tuple[int, int], threads: int, source: str) -> Case:
    return Case(
        kind="pipeline",
        stage="deblur",
        id=name,
        backend=backend,
        precision=precision,
        size_px=size_px,
        threads=threads,
        source=source,
    )


def _on_scenes(
    restorer: Restorer, data: HeldOut, chains: Sequence[FloatArray], perceptual: Perceptual | None
) -> Figures:
    """Against the truth; and refocused, against the float networks' own."""
    pictures, truths = _pictures(data.blurry), _pictures(data.sharp)
    answers = [restorer.restored(picture) for picture in pictures]
    scores = [score(sharp, truth, perceptual) for (sharp, _, _), truth in zip(answers, truths, strict=True)]
    restored = torch.stack([torch.from_numpy(sharp.copy()).permute(2, 0, 1) for sharp, _, _ in answers])
    maps = torch.stack([torch.from_numpy(sigma.copy())[None] for _, sigma, _ in answers])
    figures = figures_of(restored, maps, data).to_dict()
    chain = [
        min(psnr_db(restorer.refocused(p), truth), PSNR_CEILING_DB) for p, truth in zip(pictures, chains, strict=False)
    ]
    return {
        "input_psnr_db": figures["input_psnr_db"],
        "psnr_db": figures["output_psnr_db"],
        "worst_gain_db": figures["worst_gain_db"],
        "ssim": float(np.mean([s.ssim for s in scores])),
        "lpips": mean_of([s.lpips for s in scores]),
        "sigma_mae_px": figures["sigma_mae_px"],
        "chain_psnr_db": float(np.mean(chain)) if chain else None,
        "latency_ms": median([taken for _, _, taken in answers]),
    }


def _on_pairs(restorer: Restorer, pairs: Path, perceptual: Perceptual | None) -> Figures:
    """Against ground truth that need not be aligned: see ``train.evaluation.misaligned``."""
    files = find_pairs(pairs, split="test")
    results, times = [], []
    for index in range(len(files)):
        blurry, truth = pair_pictures(files, index)
        sharp, _, taken = restorer.restored(blurry)
        results.append(measure_pair(blurry, np.ascontiguousarray(sharp), truth, perceptual))
        times.append(taken)
    aligned = [result.aligned for result in results if result.aligned is not None]
    shifts = [result.shift.median_px for result in results if result.shift is not None]
    return {
        "input_psnr_db": float(np.mean([r.plain.input.psnr_db for r in results])),
        "psnr_db": float(np.mean([r.plain.output.psnr_db for r in results])),
        "ssim": float(np.mean([r.plain.output.ssim for r in results])),
        "lpips": mean_of([r.plain.output.lpips for r in results]),
        "aligned_input_psnr_db": mean_of([c.input.psnr_db for c in aligned]),
        "aligned_psnr_db": mean_of([c.output.psnr_db for c in aligned]),
        "shift_px": mean_of(shifts),
        "latency_ms": median(times),
    }


def _scenes(count: int, side_px: int) -> HeldOut:
    config = mobile()
    scenes = dataclasses.replace(config.scenes, size_px=side_px)
    return held_out_scenes(scikit_image_pictures(), dataclasses.replace(config, scenes=scenes), count)


def _pictures(planes: torch.Tensor) -> list[FloatArray]:
    return [np.ascontiguousarray(x.permute(1, 2, 0).numpy()) for x in planes]


def _perceptual() -> Perceptual | None:
    try:
        return load_perceptual()
    except ReblurError as error:
        tell(f"LPIPS not run: {error}")
        return None
