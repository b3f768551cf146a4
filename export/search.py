"""Try ways to quantise each network, and keep the smallest and fastest that passes its gates with margin.

    python -m export.search [--checkpoint F] [--graphs defocus,deblur] [--formats tflite,executorch,onnx]
                            [--size HxW] [--rounds N] [--out FILE] [--choice FILE]

Every candidate is written, run on the check pictures and timed in turns with the float file of its format. The table
goes to export/quantization_search/RESULTS.md, the choice to export/recipes/quantization.json, which ``export.all``
reads. Ranges come from the calibration pictures, which are none of the check pictures.

Exit code: 0 a choice was made everywhere, 1 no candidate passed somewhere, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.artifacts.shared_inputs import GraphBundle
from export.data.calibration import calibration_samples
from export.data.golden_cases import make_cases
from export.execution.interrupts import Interrupts
from export.execution.progress import Progress
from export.graphs.specs import build_graphs
from export.quantization_search.candidates import Candidate, candidates
from export.quantization_search.selection import choose
from export.quantization_search.table import table_of
from export.quantization_search.trial import SearchBundle, Trial, TrialJob, result_path
from export.recipes.int8_choice import CHOICE_FILE, FORMATS, NETWORKS, save_choice
from export.recipes.recipe import names_from
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Size
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.checkpoint import load_deployable
from train.quantization.weights import find_int8
from train.weights import SHIPPED

TABLE_FILE = Path(__file__).parent / "quantization_search" / "RESULTS.md"
POLL_SECONDS = 0.5
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    try:
        with Interrupts():
            return run(arguments)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except ReblurError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.search", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    parser.add_argument("--graphs", default=",".join(NETWORKS), help="default: %(default)s")
    parser.add_argument("--formats", default=",".join(FORMATS), help="default: %(default)s")
    parser.add_argument("--size", default="256x256", metavar="HxW", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=100, help="of timing (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=TABLE_FILE, metavar="FILE",
                        help="default: export/quantization_search/RESULTS.md")  # fmt: skip
    parser.add_argument("--choice", type=Path, default=CHOICE_FILE, metavar="FILE",
                        help="default: export/recipes/quantization.json")  # fmt: skip
    return parser.parse_args(argv)


def run(arguments: argparse.Namespace) -> int:
    """Search, print and write what was found.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    graphs = names_from(arguments.graphs, NETWORKS, "graph")
    formats = names_from(arguments.formats, FORMATS, "format")
    match = re.fullmatch(r"(\d+)x(\d+)", arguments.size)
    if match is None:
        raise ReblurError(f"--size should be like 256x256, got {arguments.size!r}")
    if arguments.rounds < 1:
        raise ReblurError(f"--rounds should be at least 1, got {arguments.rounds}")
    for path in (arguments.out, arguments.choice):
        if not path.parent.is_dir():
            raise ReblurError(f"no folder {path.parent} to write {path.name} to: make it first")
    height, width = int(match[1]), int(match[2])
    wanted = [(graph, format_, candidates(graph, format_)) for graph in graphs for format_ in formats]
    groups: list[list[Trial]] = []
    with tempfile.TemporaryDirectory() as scratch, Progress(sum(len(group) for _, _, group in wanted)) as progress:
        bundles = make_bundles(arguments.checkpoint, graphs, height, width, Path(scratch))
        for graph, format_, group in wanted:
            folder = Path(scratch) / f"{graph}-{format_}"
            folder.mkdir()
            groups.append(try_all(group, bundles[graph], folder, arguments.rounds, progress))
    chosen = [choose(group) for group in groups]
    text = table_of(groups, chosen, arguments.size, arguments.rounds)
    print(text)
    write_atomically(arguments.out, text.encode())
    found = {
        format_: {t.candidate.graph: t.candidate.settings for t in chosen if t and t.candidate.format == format_}
        for format_ in formats
    }
    save_choice(found, arguments.choice)
    return 0 if all(chosen) else 1


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
    cases = make_cases(specs, height, width)
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
            env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
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


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, **ONE_THREAD}


def _title(candidate: Candidate) -> str:
    return f"{candidate.graph} {candidate.format}: {candidate.name}"


if __name__ == "__main__":
    sys.exit(main())
