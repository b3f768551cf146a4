"""Runs tasks in processes of their own: a crash or a hang, native ones too, is one failed task and no more.

A task writes into a folder that gets its name only when the task is done, so a folder with a name is whole: neither
kill -9 nor a full disk leaves one that only looks so. What it prints goes to a log beside the folder.

The processes are forked from a server that has the converters loaded and has done nothing with them yet: loading
takes longer than most tasks do.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.util import get_temp_dir
from pathlib import Path

from export.execution.disk import full_disk_message
from export.execution.interrupts import Interrupts
from export.execution.task import FULL_DISK, Outcome, Task, fill, outcome_of, work
from runtime.system.child_processes import as_child_environment
from runtime.system.errors import ReblurError
from runtime.system.silence import silence

GIB_PER_PROCESS = 3.0
"""Memory that the hungriest converter takes at the usual size."""
POLL_S = 0.5
LONGEST_SOCKET, SOCKET = 103, "/listener-xxxxxxxx"
"""Characters of a socket's path that every system takes, and what the server's has after its folder."""
LAST_WORDS_S = 5.0
"""What a process that took too long has for writing down where it was."""
PRELOADED: dict[str, str] = {
    "torch": "torch",
    "coremltools": "coremltools",
    "litert-torch": "litert_torch",
    "ai-edge-quantizer": "ai_edge_quantizer",
    "executorch": "executorch.exir",
    "torchao": "torchao",
    "onnx": "onnx",
    "onnxsim": "onnxsim",
}
"""Distribution -> the module that the server loads where it takes part; what is not installed is left out."""


@dataclass(frozen=True, kw_only=True)
class _Running:
    task: Task
    process: ForkServerProcess
    deadline: float


def sensible_jobs() -> int:
    """Processes at once: one for each processor, as far as memory allows."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return max(1, min(processors, int(memory_gib / GIB_PER_PROCESS)))


def run_tasks(
    tasks: Sequence[Task],
    jobs_at_once: int,
    interrupts: Interrupts,
    on_start: Callable[[Task], None],
    on_end: Callable[[Outcome], None],
    leftovers: Sequence[Path] = (),
    packages: Collection[str] = (),
) -> list[Outcome]:
    """Run tasks, several at once.

    Args:
        tasks: in the order in which they are started.
        jobs_at_once: processes; 0 runs everything in this one, without time limits.
        interrupts: checked all the time.
        on_start: called when one begins.
        on_end: called when one has ended.
        leftovers: folders that the processes remove where this one is killed.
        packages: distributions that most tasks use.

    Returns:
        The outcomes in the order of ``tasks``.

    Raises:
        ReblurError: the disk is full, the path for temporary files too long, or the server of processes was killed.
        KeyboardInterrupt: somebody asked to stop; no process is left.
    """
    outcomes: dict[str, Outcome] = {}
    ending = (
        _here(tasks, on_start)
        if jobs_at_once == 0
        else _apart(tasks, jobs_at_once, interrupts, on_start, leftovers, packages)
    )
    for outcome in ending:
        interrupts.check()
        if outcome.reason.startswith(FULL_DISK):
            raise ReblurError(full_disk_message(outcome.task.folder))
        outcomes[outcome.task.name] = outcome
        on_end(outcome)
    return [outcomes[task.name] for task in tasks]


def _here(tasks: Sequence[Task], on_start: Callable[[Task], None]) -> Iterator[Outcome]:
    for task in tasks:
        on_start(task)
        try:
            fill(task, 0)
        except BaseException:
            task.discard()
            raise
        yield outcome_of(task, "")


def _apart(
    tasks: Sequence[Task],
    jobs_at_once: int,
    interrupts: Interrupts,
    on_start: Callable[[Task], None],
    leftovers: Sequence[Path],
    packages: Collection[str],
) -> Iterator[Outcome]:
    waiting, running = list(tasks), dict[int, _Running]()
    threads = max(1, (os.cpu_count() or 1) // jobs_at_once)
    context = _server(packages)
    try:
        while waiting or running:
            while waiting and len(running) < jobs_at_once:
                task = waiting.pop(0)
                on_start(task)
                # Interrupts are this process's to handle, which stops the others.
                arguments = (task, threads, os.getpid(), (*leftovers, Path(get_temp_dir())))
                process = context.Process(target=work, args=arguments, daemon=True)
                _start(process)
                running[process.sentinel] = _Running(
                    task=task, process=process, deadline=time.monotonic() + task.limit_s
                )
            wait(list(running), timeout=POLL_S)
            interrupts.check()
            for sentinel, one in list(running.items()):
                late = time.monotonic() > one.deadline
                if one.process.is_alive() and not late:
                    continue
                if late:
                    _ask_where(one.process)
                    _stop(one.process)
                one.process.join()
                del running[sentinel]
                yield outcome_of(one.task, _death(one, late))
    finally:
        for one in running.values():
            _stop(one.process)
            one.task.discard()


def _server(packages: Collection[str]) -> ForkServerContext:
    """The context whose server forks the processes.

    Raises:
        ReblurError: there is no room for its socket's path.
    """
    folder = get_temp_dir()
    if len(folder) + len(SOCKET) > LONGEST_SOCKET:
        raise ReblurError(f"TMPDIR, {Path(folder).parent}, is too long a path for a socket: set a shorter one")
    context = multiprocessing.get_context("forkserver")
    modules = [module for package, module in PRELOADED.items() if package in packages]
    context.set_forkserver_preload([*modules, *(["export.artifacts.make"] if modules else [])])
    return context


def _start(process: ForkServerProcess) -> None:
    """Start a process; the first one starts the server, whose tools leave things in the place of temporary files.

    Raises:
        ReblurError: the server is gone.
    """
    try:
        with silence(), as_child_environment(TMPDIR=get_temp_dir()):
            process.start()
    except (EOFError, ConnectionError) as error:
        raise ReblurError(
            "the process that starts the others was killed, perhaps for lack of memory: run again with fewer --jobs"
        ) from error


def _death(one: _Running, late: bool) -> str:
    """Why a process did not end by itself; empty where it did."""
    if late:
        return f"stopped after {one.task.limit_s:.0f} s"
    code = one.process.exitcode
    if code is None or code >= 0:
        return f"its process ended with exit code {code}" if code else ""
    with contextlib.suppress(ValueError):
        return f"its process crashed: {signal.Signals(-code).name}"
    return f"its process crashed: signal {-code}"


def _ask_where(process: ForkServerProcess) -> None:
    """Let a process write its traceback, whatever it is caught in; it ends by that."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGABRT)
    process.join(LAST_WORDS_S)


def _stop(process: ForkServerProcess) -> None:
    process.kill()
    process.join()
