"""A block of weights overwritten anywhere in any file of an export, its digest made to match: checks must refuse it.

Such a file is whole, loads, and computes something; only its figures can tell.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.execution.cache import read_record
from export.execution.interrupts import Interrupts
from export.execution.output_folder import GOLDEN_FOLDER
from export.execution.process_pool import run_tasks
from export.execution.progress import Progress
from export.execution.task import Outcome, Task
from export.faults.file_faults import BLOCK_BYTES, PACKAGE_WEIGHTS
from export.interpreters.mil.archive import unpack
from export.interpreters.mil.from_pte import BACKEND as CORE_ML
from export.interpreters.mil.from_pte import LOWERED_MODULE, PACKAGE
from export.interpreters.pte_program import constants_of, read_file
from export.verification.earlier_figures import has_same_kernels
from export.verification.folder import recheck
from runtime.manifest.files import list_files
from runtime.manifest.json_codec import from_json
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError

BLOB_HEADER = 64
"""Bytes at the start of a package's weight file that are none."""
ATTEMPTS = 100


@dataclass(frozen=True, kw_only=True)
class Overwritten:
    """What became of one file."""

    artifact: str
    """Its id."""
    what: str
    """What was done to it."""
    refused: bool
    """Whether its check turned it away."""
    by: str
    """Why, or how its process ended; empty where it passed."""


def try_overwritten(
    directory: Path, count: int, seed: int, jobs_at_once: int, interrupts: Interrupts
) -> list[Overwritten]:
    """Overwrite weights ``count`` times, each time in another file until all have had their turn, and check each.

    Args:
        directory: of an export, which stays as it is.
        count: files to damage.
        seed: of the places and of what is written there.
        jobs_at_once: processes; 0 does everything in this one.
        interrupts: checked all the time.

    Raises:
        ReblurError: there is no export, or nothing in it to damage.
    """
    manifest = Manifest.load(directory)
    rng = np.random.default_rng(seed)
    made = [artifact for artifact in manifest.artifacts if artifact.status == "passed" and artifact.files]
    if not made:
        raise ReblurError(f"{directory} lists no file that passed: run `make export` again")
    order = [made[int(i)] for _ in range(-(-count // len(made))) for i in rng.permutation(len(made))][:count]
    with tempfile.TemporaryDirectory() as name, Progress(count) as progress:
        tasks, told = [], []
        for number, artifact in enumerate(order):
            folder = Path(name) / f"{number}"
            broken, what = _damaged(artifact, directory, folder, rng)
            told.append(what)
            tasks.append(
                Task(
                    name=f"{number}-{artifact.id}",
                    function=recheck,
                    arguments=(
                        broken,
                        manifest.golden_of(artifact),
                        folder,
                        True,
                        has_same_kernels(artifact, manifest),
                    ),
                    folder=Path(name) / f"{number}.checked",
                )
            )
        outcomes = run_tasks(
            tasks,
            jobs_at_once,
            interrupts,
            on_start=lambda task: progress.start(task.name),
            on_end=lambda outcome: progress.finish(),
            leftovers=(Path(name),),
            packages={"torch", *(package for artifact in order for package in artifact.tool)},
        )
        return [_result(a, what, outcome) for a, what, outcome in zip(order, told, outcomes, strict=True)]


def overwrite(path: Path, rng: np.random.Generator) -> str:
    """Overwrite a block of the weights in a saved file, with zeros or with noise; says what was done.

    Args:
        path: the file, or the package folder.
        rng: chooses.

    Raises:
        ReblurError: it has no weights, or none that differ from what they are overwritten with.
    """
    file = path / PACKAGE_WEIGHTS if path.is_dir() else path
    content = np.frombuffer(file.read_bytes(), np.uint8).copy()
    places = np.concatenate([np.zeros(0, np.intp), *(np.arange(*span) for span in spans(path))])
    size = min(BLOCK_BYTES, places.size)
    for _ in range(ATTEMPTS if size else 0):
        first = int(rng.integers(0, places.size - size + 1))
        chosen = places[first : first + size]
        kind, new = "zeros", np.zeros(size, np.uint8)
        if rng.integers(0, 2):
            kind, new = "noise", rng.integers(0, 256, size, dtype=np.uint8)
        if not np.array_equal(content[chosen], new):
            content[chosen] = new
            file.write_bytes(content.tobytes())
            return f"{kind} in {size} of {places.size} bytes of weights, from {first}"
    raise ReblurError(f"{path} has no weights that could be overwritten")


def spans(path: Path) -> list[tuple[int, int]]:
    """From where to where weights lie in a file; of a package, in its weight file."""
    found: dict[int, int] = {}
    content = (path / PACKAGE_WEIGHTS if path.is_dir() else path).read_bytes()
    for weights in _WEIGHTS[path.suffix](path, content):
        start = content.find(weights) if weights else -1
        if start >= 0:
            found[start] = max(found.get(start, 0), start + len(weights))
    return sorted(found.items())


def _package(path: Path, content: bytes) -> Iterator[bytes]:
    yield content[BLOB_HEADER:]


def _tflite(path: Path, content: bytes) -> Iterator[bytes]:
    from ai_edge_litert import schema_py_generated

    for buffer in schema_py_generated.ModelT.InitFromPackedBuf(content, 0).buffers:
        if buffer.data is not None and len(buffer.data) >= BLOB_HEADER:
            yield bytes(buffer.data)


def _onnx(path: Path, content: bytes) -> Iterator[bytes]:
    import onnx

    for tensor in onnx.load(path).graph.initializer:
        yield tensor.raw_data


def _pte(path: Path, content: bytes) -> Iterator[bytes]:
    file = read_file(path)
    yield from constants_of(file).values()
    (plan,) = file.program.execution_plan
    for delegate in plan.delegates:
        if delegate.id == CORE_ML:
            data = bytes(file.program.backend_delegate_data[delegate.processed.index].data)
            with tempfile.TemporaryDirectory() as name:
                unpack(data, Path(name), path)
                yield from _package(path, (Path(name) / LOWERED_MODULE / PACKAGE / PACKAGE_WEIGHTS).read_bytes())


_WEIGHTS: dict[str, Callable[[Path, bytes], Iterator[bytes]]] = {
    ".mlpackage": _package,
    ".onnx": _onnx,
    ".pte": _pte,
    ".tflite": _tflite,
}
"""Suffix -> every stretch of weights in a file."""


def _damaged(artifact: Artifact, directory: Path, folder: Path, rng: np.random.Generator) -> tuple[Artifact, str]:
    """A copy of one artefact with some weights overwritten, described as it is now; and what was done."""
    for file in artifact.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(directory / file.path, folder / file.path)
    (folder / GOLDEN_FOLDER).symlink_to((directory / GOLDEN_FOLDER).absolute(), target_is_directory=True)
    what = overwrite(folder / artifact.path, rng)
    return dataclasses.replace(artifact, files=list_files(folder, artifact.path)), what


def _result(artifact: Artifact, what: str, outcome: Outcome) -> Overwritten:
    record = read_record(outcome.task.folder)
    reason = outcome.reason or "its check left no result"
    if not outcome.reason and record is not None:
        checked = from_json(Artifact, record["artifact"], outcome.task.name)
        reason = "" if checked.status == "passed" else checked.reason
    return Overwritten(artifact=artifact.id, what=what, refused=bool(reason), by=reason)


def table(found: Sequence[Overwritten]) -> str:
    """One line for each file."""
    from tabulate import tabulate

    rows = [(one.artifact, one.what, "refused" if one.refused else "PASSED", one.by[:100]) for one in found]
    refused = sum(one.refused for one in found)
    return f"{tabulate(rows, ('artefact', 'overwritten', '', 'by'))}\n\n{refused} of {len(found)} refused"
