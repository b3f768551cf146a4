"""What is asked of a process, how that ended, and the process's side of it."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.execution.disk import is_full_disk
from runtime.system.errors import reason_of
from runtime.system.silence import captured

PARTIAL = ".building"
"""Suffix of a folder that a task is still writing into."""
LOG = ".log"
"""Suffix of the file beside it, with what the task printed."""
SCRATCH = ".tmp"
"""Suffix of the folder for what its tools leave in the place of temporary files."""
FAILURE = "failure.txt"
FULL_DISK = "full disk"
UNREADABLE = "its result cannot be read"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A function to call, and the folder that it fills."""

    name: str
    """For people."""
    function: Callable[..., None]
    """Called with a folder to write into, then ``arguments``; of a module's top level, so that it can be sent."""
    arguments: tuple[Any, ...]
    """Sent to the process."""
    folder: Path
    """Where the result will be."""
    is_good: Callable[[Path], bool] = Path.is_dir
    """Whether the folder holds a success: a task may end well and have a failure to tell."""
    limit_s: float = 600.0
    """Time after which it is stopped."""

    @property
    def partial(self) -> Path:
        """Where the function writes."""
        return self.folder.with_name(self.folder.name + PARTIAL)

    @property
    def log(self) -> Path:
        """Where goes what it prints, and the traceback of its exception."""
        return self.folder.with_name(self.folder.name + LOG)

    @property
    def scratch(self) -> Path:
        """Where temporary files go, of tools that do not clean up, too."""
        return self.folder.with_name(self.folder.name + SCRATCH)

    def discard(self) -> None:
        """Remove all but a finished result."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.partial, ignore_errors=True)
        self.log.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a task ended."""

    task: Task
    reason: str
    """Why it failed; empty where it did not."""
    log: Path | None = None
    """What it printed, where it failed or has a failure to tell; the caller's to remove."""


def outcome_of(task: Task, death: str) -> Outcome:
    """How a task ended that is not running any more.

    Args:
        task: whose folder and log are looked at; what is left half-made goes, and the log of a success.
        death: why its process did not end by itself; empty where it did.
    """
    reason = ""
    if death or not task.folder.is_dir():
        try:
            reason = (task.partial / FAILURE).read_text(encoding="utf-8").splitlines()[0]
        except (OSError, IndexError):
            reason = death or (FULL_DISK if is_full_disk(OSError(), task.folder.parent) else "it left no result")
    shutil.rmtree(task.scratch, ignore_errors=True)
    shutil.rmtree(task.partial, ignore_errors=True)
    if (not reason and task.is_good(task.folder)) or reason == FULL_DISK:
        task.discard()
    elif reason == death != "":
        with contextlib.suppress(OSError), task.log.open("a", encoding="utf-8") as log:
            log.write(f"{reason}\n")
    return Outcome(task=task, reason=reason, log=task.log if task.log.is_file() else None)


def work(task: Task, threads: int, parent: int, leftovers: Sequence[Path] = ()) -> None:
    """What runs in a process of its own.

    A crash leaves a Python traceback in the log, and so does a process that is stopped with SIGABRT.

    Args:
        task: to do.
        threads: that it may use.
        parent: process that asks for it.
        leftovers: folders that nobody else removes where the parent was killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent, task, leftovers), daemon=True).start()
    faulthandler.enable(file=2)
    # Looking through millions of a converter's objects for cycles takes longer than the process lives.
    gc.disable()
    fill(task, threads)


def fill(task: Task, threads: int) -> None:
    """Call the task's function; its folder gets its name, or one with the reason of the failure stays."""
    shutil.rmtree(task.partial, ignore_errors=True)
    try:
        task.partial.mkdir(parents=True)
        with _temporary_files_in(task.scratch), captured(task.log):
            _call(task, threads)
        shutil.rmtree(task.folder, ignore_errors=True)
        task.partial.rename(task.folder)
    except Exception as error:
        reason = FULL_DISK if is_full_disk(error, task.folder.parent) else reason_of(error)
        with contextlib.suppress(OSError):
            (task.partial / FAILURE).write_text(f"{reason}\n", encoding="utf-8")


def _call(task: Task, threads: int) -> None:
    try:
        if threads:
            import torch

            torch.set_num_threads(threads)
        task.function(task.partial, *task.arguments)
    except Exception:
        traceback.print_exc()
        raise


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have Python, C++ and child processes put temporary files into a folder, which is removed at the end."""
    before, tempfile.tempdir = (os.environ.get("TMPDIR"), tempfile.tempdir), os.fspath(folder)
    os.environ["TMPDIR"] = os.fspath(folder)
    try:
        folder.mkdir()
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        variable, tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def _leave_with(parent: int, task: Task, leftovers: Sequence[Path]) -> None:
    """End this process when the one that asked for its work is gone, and remove what that one would have."""
    while True:
        time.sleep(1.0)
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            task.discard()
            for folder in leftovers:
                shutil.rmtree(folder, ignore_errors=True)
            os._exit(1)
