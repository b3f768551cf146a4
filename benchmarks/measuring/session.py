"""A run: groups of cases in, rows out, one written as soon as it is known."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.measuring import fresh_process
from benchmarks.measuring.cases import Case, Opened, open_case
from benchmarks.measuring.machine import conditions_now, this_app, this_device, version_of
from benchmarks.measuring.protocol import CLOCKS, LEAST_RUNS, OF_THE_PROCESSOR, Effort, interleaved, sustained, timing
from benchmarks.measuring.rows import Conditions, Engine, Journal, Memory, Parity, Row, Subject, Timing
from runtime.system.errors import ReblurError, reason_of
from runtime.system.silence import silence

COMPARED_RUNS, REST_S = 120, 1.0
"""Of single operations, which are compared with a baseline: spread over the better part of a minute."""
RUNTIMES: dict[str, str] = {
    "tflite": "ai-edge-litert",
    "executorch": "executorch",
    "coreml": "CoreML",
    "onnx": "onnxruntime",
    "torch": "torch",
    "numpy": "numpy",
    "opencv": "opencv-python-headless",
    "numba": "numba",
    "scipy": "scipy",
}
"""Back end -> the distribution that does the work."""


def engine_of(case: Case, *, ran: bool = True) -> Engine:
    """The engine of a case on this machine's processor."""
    runtime = RUNTIMES[case.backend]
    return Engine(
        backend=case.backend,
        runtime=runtime,
        runtime_version=version_of(runtime),
        accelerator_requested=case.accelerator,
        accelerator_used="cpu" if ran else "unknown",
        threads=case.threads,
    )


class Session:
    """Measures cases and writes their rows.

    Args:
        journal: where rows go; what it has already is not measured again.
        effort: how much is done.
        run_id: the same for all rows; None goes on with the journal's own, or takes a new one.
    """

    def __init__(self, journal: Journal, effort: Effort, run_id: str | None = None) -> None:
        self.journal = journal
        self.found = len(journal.rows)
        """Rows that were there before."""
        self.effort = effort
        self.run_id = run_id or journal.run_id or new_run_id()

    def latency(self, groups: Iterable[Sequence[Case]]) -> None:
        """Time each group's cases in turns. A group is measured whole: a stop within it loses its times."""
        for group in groups:
            if all(self.journal.has("latency", case.name) for case in group):
                continue
            tell(f"timing {len(group)}: {', '.join(dict.fromkeys(case.id for case in group))}")
            self._time(group)

    def _time(self, group: Sequence[Case]) -> None:
        before = conditions_now()
        opened: dict[str, Opened] = {}
        parity: dict[str, tuple[Parity, ...]] = {}
        for case in group:
            with self._tried("latency", case), silence():
                candidate = open_case(case)
                parity[case.name] = candidate.parity()
                opened[case.name] = candidate
        clock = OF_THE_PROCESSOR if all(c.kind == "kernel" and c.threads == 1 for c in group) else "wall"
        runs = {name: one.run for name, one in opened.items()}
        effort = self.effort
        if clock == OF_THE_PROCESSOR and not effort.is_quick:
            effort = dataclasses.replace(effort, runs=COMPARED_RUNS, rest_s=REST_S)
        times = interleaved(runs, effort, clock=CLOCKS[clock])
        for case in group:
            if case.name not in opened:
                continue
            loads = () if opened[case.name].load_ms is None else fresh_process.cold_loads(case, self.effort)
            found = timing(times[case.name], self.effort, loads, clock)
            self.add("latency", case, opened[case.name], before, timing_=found, parity=parity[case.name])

    def memory(self, cases: Iterable[Case]) -> None:
        """Look at the memory of each case, in a process of its own."""
        for case in cases:
            if self.journal.has("memory", case.name):
                continue
            tell(f"memory: {case.name}")
            before = conditions_now()
            opened: Opened | None = None
            with self._tried("memory", case):
                found = fresh_process.memory(case, self.effort)
                with silence():
                    opened = open_case(case)
            if opened is not None:
                self.add("memory", case, opened, before, memory=found)

    def sustained(self, cases: Iterable[Case]) -> None:
        """Run each case back to back for minutes."""
        for case in cases:
            if self.journal.has("sustained", case.name):
                continue
            tell(f"sustained for {self.effort.sustained_s:g} s: {case.name}")
            before = conditions_now()
            opened: Opened | None = None
            with self._tried("sustained", case), silence():
                opened = open_case(case)
            if opened is None:
                continue
            starts, times = sustained(opened.run, self.effort)
            found = dataclasses.replace(
                timing(times, self.effort),
                started_s=tuple(round(value, 4) for value in starts),
                quick=self.effort.is_quick or len(times) < LEAST_RUNS,
            )
            self.add("sustained", case, opened, before, timing_=found)

    @contextlib.contextmanager
    def _tried(self, pass_: str, case: Case) -> Iterator[None]:
        """What cannot be run here is written down with the reason, and what is in the block is left."""
        try:
            yield
        except (ReblurError, ImportError) as error:
            self.not_run(pass_, case, reason_of(error))

    def add(
        self,
        pass_: str,
        case: Case,
        opened: Opened,
        before: Conditions,
        *,
        timing_: Timing | None = None,
        memory: Memory | None = None,
        parity: tuple[Parity, ...] = (),
        figures: dict[str, float | None] | None = None,
    ) -> None:
        """Write the row of a measurement; failed where an answer is wrong."""
        wrong = [entry for entry in parity if entry.passed is False]
        reason = "; ".join(f"{e.case} {e.tensor}: {e.statistic} {e.value} > {e.limit}" for e in wrong)
        status = "failed" if wrong else "ok"
        row = self._row(pass_, case, status, reason, opened.subject, opened.engine, before)
        self.journal.add(dataclasses.replace(row, timing=timing_, memory=memory, parity=parity, figures=figures or {}))

    def not_run(self, pass_: str, case: Case, reason: str) -> None:
        """Write that a case could not be measured, and why."""
        subject = Subject(kind=subject_kind(case), id=case.id, precision=case.precision, shape=case.size_px)
        engine = engine_of(case, ran=False)
        self.journal.add(self._row(pass_, case, "not run", reason, subject, engine, conditions_now()))

    def derive(self, like: Row, pass_: str, figures: dict[str, float | None]) -> None:
        """Write a row of figures that were worked out of a measured one."""
        self.journal.add(
            dataclasses.replace(
                like, pass_=pass_, measured_at=now(), run_id=self.run_id, timing=None, parity=(), figures=figures
            )
        )

    def _row(
        self, pass_: str, case: Case, status: str, reason: str, subject: Subject, engine: Engine, conditions: Conditions
    ) -> Row:
        """Without what was found."""
        return Row(
            run_id=self.run_id,
            measured_at=now(),
            case=case.name,
            pass_=pass_,
            stage=case.stage,
            status=status,
            reason=reason,
            subject=subject,
            engine=engine,
            device=this_device(),
            app=this_app(),
            conditions=conditions,
        )


def subject_kind(case: Case) -> str:
    """Of a row's subject."""
    return "kernel" if case.kind == "blur" else case.kind


def now() -> str:
    """UTC, as a row tells it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_run_id() -> str:
    """A name that no other run has."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def tell(text: str) -> None:
    """Say what is going on, to whoever waits."""
    print(f"[{datetime.datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)
