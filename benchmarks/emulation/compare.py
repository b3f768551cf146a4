"""Rows from answers of emulated ARM kernels, held against golden vectors and against the same files on this machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.candidates.artifacts import subject_of
from benchmarks.candidates.pipelines import pipeline_id
from benchmarks.emulation import answers, arm64_root
from benchmarks.measuring.machine import this_app, version_of
from benchmarks.measuring.rows import Conditions, Device, Engine, Parity, Row, Subject
from benchmarks.measuring.session import RUNTIMES, Session, now, tell
from runtime.manifest.golden_records import GoldenOutput, Tolerance
from runtime.manifest.golden_vectors import STATISTICS, errors_of
from runtime.manifest.manifest import Manifest
from runtime.system.arrays import FloatArray
from runtime.system.child_processes import PACKAGE_ROOT
from runtime.system.errors import ReblurError

LIMIT_S = 1800.0
Answers = dict[str, FloatArray]
Key = tuple[str, str]
"""Id and case."""


def measure(session: Session, directory: Path, root: Path) -> None:
    """Run everything here and emulated, and write a row for each file and pipeline.

    Raises:
        ReblurError: the emulated Python cannot be made or started.
    """
    tell("making the ARM64 Python, unless it is there")
    arm64_root.prepare(root)
    manifest = Manifest.load(directory, with_checks=False)
    with tempfile.TemporaryDirectory(prefix="reblur-arm64-") as folder:
        here, there = Path(folder) / "x86", Path(folder) / "arm64"
        tell("running the files on this machine")
        answers.write_all(directory, here)
        tell("running the files on emulated ARM kernels")
        _emulate(root, directory, there)
        ours, theirs = read_answers(here), read_answers(there)
    for row in rows_of(session, manifest, directory, ours, theirs):
        if not session.journal.has("parity", row.case):
            session.journal.add(row)


def _emulate(root: Path, directory: Path, out: Path) -> None:
    words = arm64_root.command(
        root, ["-m", "benchmarks.emulation.answers", str(directory.resolve()), str(out.resolve())], PACKAGE_ROOT
    )
    try:
        done = subprocess.run(words, cwd=root, stdout=subprocess.DEVNULL, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReblurError(f"the emulated Python did not end well: {error}") from error
    if done.returncode != 0 and not (out / answers.INDEX).is_file():
        raise ReblurError(f"the emulated Python ended with {done.returncode} before its first answer")


def read_answers(folder: Path) -> dict[Key, Answers]:
    """Id and case -> answers by name."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        name, _, case = path.name.removesuffix(".npz").rpartition(".")
        with np.load(path) as content:
            found[name, case] = {key: content[key] for key in content.files}
    return found


def rows_of(
    session: Session, manifest: Manifest, directory: Path, ours: dict[Key, Answers], theirs: dict[Key, Answers]
) -> list[Row]:
    """A row for each file and each pipeline of the export that both sides can run."""
    rows = []
    for artifact in answers.artifacts_of(manifest):
        parity: list[Parity] = []
        for case in manifest.golden_of(artifact):
            if (artifact.id, case.case) in theirs:
                tolerances = case.tolerances[artifact.precision]
                key = artifact.id, case.case
                parity += _judged(key, case.outputs, tolerances, directory, ours, theirs)
        case_name = f"{artifact.graph}/{artifact.id}/{_size(artifact.size_px)}/{artifact.format}-cpu/{answers.THREADS}t"
        rows.append(_row(session, case_name, artifact.graph, subject_of(artifact), artifact.format, parity))
    for backend, precision in answers.pipelines_of(manifest):
        chain, record = manifest.golden_chain, manifest.pipeline(backend, precision)
        assert chain is not None
        key = f"{backend}-{precision}", "chain"
        outputs = (chain.refocused,)
        judged = _judged(key, outputs, chain.tolerances[precision], directory, ours, theirs) if key in theirs else []
        size = chain.photo.shape[2], chain.photo.shape[3]
        subject = Subject(kind="pipeline", id=pipeline_id(record), precision=precision, shape=size)
        case_name = f"total/{subject.id}/{_size(size)}/{backend}-cpu/{answers.THREADS}t"
        rows.append(_row(session, case_name, "total", subject, backend, judged))
    return rows


def _judged(
    key: Key,
    outputs: Sequence[GoldenOutput],
    tolerances: Sequence[Tolerance],
    directory: Path,
    ours: dict[Key, Answers],
    theirs: dict[Key, Answers],
) -> list[Parity]:
    """Against golden and against this machine, by the tolerances of the precision; and the largest difference."""
    found = []
    for tensor in outputs:
        answer = theirs[key][tensor.name]
        golden = errors_of(tensor, answer, directory)
        own = ours.get(key, {}).get(tensor.name)
        against: dict[str, NDArray[np.float64]] = {"golden": golden}
        if own is not None:
            against["x86"] = np.abs(answer.astype(np.float64) - own)
        for name, errors in against.items():
            for tolerance in tolerances:
                value = STATISTICS[tolerance.statistic](errors)
                found.append(_parity(name, key[1], tensor.name, tolerance.statistic, value, tolerance.at_most))
            found.append(_parity(name, key[1], tensor.name, "max", float(errors.max()), None))
    return found


def _parity(against: str, case: str, tensor: str, statistic: str, value: float, limit: float | None) -> Parity:
    return Parity(
        against=against,
        case=case,
        tensor=tensor,
        statistic=statistic,
        value=value if np.isfinite(value) else None,
        limit=limit,
        passed=None if limit is None else bool(value <= limit),
    )


def _row(session: Session, case: str, stage: str, subject: Subject, backend: str, parity: Sequence[Parity]) -> Row:
    runtime = RUNTIMES[backend]
    wrong = [p for p in parity if p.passed is False]
    reason = "; ".join(f"{p.case} against {p.against}: {p.statistic} {p.value:.3g} > {p.limit:.3g}" for p in wrong)
    if not parity:
        reason = "the emulated interpreter gave no answer"
    return Row(
        run_id=session.run_id,
        measured_at=now(),
        case=case.lower(),
        pass_="parity",
        stage=stage,
        status="failed" if reason else "ok",
        reason=reason,
        subject=subject,
        engine=Engine(backend=backend, runtime=runtime, runtime_version=version_of(runtime), threads=answers.THREADS),
        device=emulated_device(),
        app=this_app(),
        conditions=Conditions(),
        parity=tuple(parity),
    )


def emulated_device() -> Device:
    """What the emulator pretends to be."""
    return Device(
        kind="emulated",
        name=f"qemu-aarch64 {arm64_root.PROCESSOR}",
        soc=None,
        cores=arm64_root.CORES,
        memory_mib=None,
        os="Linux",
        os_version=None,
    )


def _size(size_px: tuple[int, int]) -> str:
    return f"{size_px[0]}x{size_px[1]}"


def summary(rows: Sequence[Row]) -> str:
    """A line for each row: how far from x86, at most."""
    lines = []
    for row in rows:
        largest = max((p.value or 0.0 for p in row.parity if (p.against, p.statistic) == ("x86", "max")), default=None)
        apart = "" if largest is None else f", at most {largest:.2g} from x86"
        lines.append(f"{row.subject.id}: {'passed' if row.status == 'ok' else f'{row.status}: {row.reason}'}{apart}")
    return "\n".join(lines)
