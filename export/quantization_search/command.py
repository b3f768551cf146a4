"""From the command line of ``export.search`` to the table and the choice."""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.artifacts.shared_inputs import GraphBundle
from export.data.calibration import calibration_samples
from export.data.golden_cases import make_cases
from export.execution.progress import Progress
from export.graphs.specs import build_graphs
from export.quantization_search.candidates import Candidate, candidates
from export.quantization_search.selection import choose
from export.quantization_search.table import table_of
from export.quantization_search.trial import SearchBundle, Trial, TrialJob, result_path
from export.recipes.int8_choice import FORMATS, NETWORKS, save_choice
from export.recipes.jobs import size_name
from export.recipes.recipe import names_from
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Size
from runtime.system.child_processes import child_environment
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.checkpoint import load_deployable
from train.quantization.weights import find_int8

POLL_SECONDS = 0.5
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def search(arguments: argparse.Namespace) -> tuple[list[list[Trial]], list[Trial | None], str]:
    """Search, and write what was found.

    Returns:
        The trials of each graph and format, the chosen one of each, and the table.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    graphs = names_from(arguments.graphs, NETWORKS, "graph")
    formats = names_from(arguments.formats, FORMATS, "format")
    for path in (arguments.out, arguments.choice):
        if not path.parent.is_dir():
            raise ReblurError(f"no folder {path.parent} to write {path.name} to: make it first")
    height, width = arguments.size
    wanted = [(graph, format_, candidates(graph, format_)) for graph in graphs for format_ in formats]
    groups: list[list[Trial]] = []
    with tempfile.TemporaryDirectory() as scratch, Progress(sum(len(group) for _, _, group in wanted)) as progress:
        bundles = make_bundles(arguments.checkpoint, graphs, height, width, Path(scratch))
        for graph, format_, group in wanted:
            folder = Path(scratch) / f"{graph}-{format_}"
            folder.mkdir()
            groups.append(try_all(group, bundles[graph], folder, arguments.rounds, progress))
    chosen = [choose(group) for group in groups]
    text = table_of(groups, chosen, size_name(Size(height_px=height, width_px=width)), arguments.rounds)
    write_atomically(arguments.out, text.encode())
    found = {
        format_: {t.candidate.graph: t.candidate.settings for t in chosen if t and t.candidate.format == format_}
        for format_ in formats
    }
    save_choice(found, arguments.choice)
    return groups, chosen, text


def make_bundles(checkpoint: Path, graphs: Sequence[str], height: int, width: int, folder: Path) -> dict[str, Path]:
    """Files of the ``SearchBundle`` of each graph.

    Raises:
        ReblurError: a checkpoint cannot be read, or the networks do not take this size.
    """
    networks = load_deployable(checkpoint)
    multiple = max(networks.config.deblur.size_multiple, networks.config.defocus.size_multiple)
    if height % multiple or width % multiple or not height or not width:
        raise ReblurError(f"--size: these networks take multiples of {multiple} pixels, got {height}x{width}")
    specs = build_graphs(networks)
    found, _ = find_int8(checkpoint, networks)
    tuned = build_graphs(found.networks) if found else specs
    samples = calibration_samples(specs, height, width)
    cases = make_cases(specs, height, width, graphs)
    paths = {}
    for graph in graphs:
        bundle = GraphBundle(
            spec=specs[graph],
            int8_spec=tuned[graph],
            samples=samples[graph],
            settings={},
            cases=tuple(case for case in cases if case.graph == graph),
        )
        search_bundle = SearchBundle(bundle=bundle, size=Size(height_px=height, width_px=width))
        paths[graph] = folder / f"{graph}.bundle"
        paths[graph].write_bytes(pickle.dumps(search_bundle))
    return paths


def try_all(group: Sequence[Candidate], bundle: Path, folder: Path, rounds: int, progress: Progress) -> list[Trial]:
    """Try candidates of one graph and format, in one process as long as none crashes."""
    trials: list[Trial] = []
    progress.start(_title(group[0]))
    while len(trials) < len(group):
        before = len(trials)
        rest = tuple(range(before, len(group)))
        job = TrialJob(bundle=str(bundle), rounds=rounds, indices=rest, candidates=tuple(group[before:]))
        path = folder / "job.json"
        path.write_text(json.dumps(to_json(job)), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "export.quantization_search.trial", str(path)],
            env={**child_environment(), **ONE_THREAD},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ended = False
            while not ended:
                ended = _wait(process)
                while len(trials) < len(group) and (result := result_path(folder, len(trials))).exists():
                    trials.append(from_json(Trial, json.loads(result.read_text(encoding="utf-8")), result.name))
                    progress.finish()
                    if len(trials) < len(group):
                        progress.start(_title(group[len(trials)]))
        finally:
            process.kill()
            process.wait()
        if len(trials) < len(group):
            reason = f"the process ended with code {process.returncode}"
            trials.append(Trial(candidate=group[len(trials)], failure=reason))
            progress.finish()
    return trials


def _wait(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended after a moment."""
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _title(candidate: Candidate) -> str:
    return f"{candidate.graph} {candidate.format}: {candidate.name}"
