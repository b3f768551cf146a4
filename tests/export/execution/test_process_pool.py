"""Tasks in processes of their own, with functions that a real process can be sent."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from export.execution.interrupts import Interrupts
from export.execution.process_pool import Outcome, Task, run_tasks, sensible_jobs

ROOT = Path(__file__).parents[3]
FUNCTIONS = """
import ctypes, errno, os, time
from pathlib import Path

def write(folder, text):
    (folder / "text").write_text(text)

def refuse(folder):
    (folder / "half").write_text("")
    raise ValueError("the picture must be square\\nmore")

def crash(folder):
    (folder / "half").write_text("")
    ctypes.string_at(0)

def hang(folder):
    (folder / "half").write_text("")
    time.sleep(600)

def leave(folder):
    os._exit(3)

def full(folder):
    raise RuntimeError("the converter failed") from OSError(errno.ENOSPC, "No space left on device")
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A module that the processes can import, too."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "worker_functions.py").write_text(FUNCTIONS)
    sys.path.insert(0, str(folder))
    import worker_functions

    yield worker_functions
    sys.path.remove(str(folder))


def run(tasks: list[Task], jobs_at_once: int = 2) -> list[Outcome]:
    with Interrupts() as interrupts:
        return run_tasks(tasks, jobs_at_once, interrupts, lambda task: None, lambda outcome: None)


def test_a_crash_or_a_hang_is_one_failed_task(functions: object, tmp_path: Path) -> None:
    names = ["write", "refuse", "crash", "hang", "leave"]
    tasks = [
        Task(
            name=name,
            function=getattr(functions, name),
            arguments=("done",) if name == "write" else (),
            folder=tmp_path / name,
            limit_s=2.0 if name == "hang" else 60.0,
        )
        for name in names
    ]
    reasons = {outcome.task.name: outcome.reason for outcome in run(tasks)}
    assert reasons == {
        "write": "",
        "refuse": "the picture must be square",
        "crash": "its process crashed: SIGSEGV",
        "hang": "stopped after 2 s",
        "leave": "its process ended with exit code 3",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["write"]
    assert (tmp_path / "write" / "text").read_text() == "done"


@pytest.mark.parametrize("jobs_at_once", [0, 1])
def test_a_full_disk_ends_everything(functions: object, tmp_path: Path, jobs_at_once: int) -> None:
    task = Task(name="full", function=functions.full, arguments=(), folder=tmp_path / "full")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=os.strerror(errno.ENOSPC)):
        run([task], jobs_at_once)
    assert list(tmp_path.iterdir()) == []


def test_in_this_process(functions: object, tmp_path: Path) -> None:
    calls: list[str] = []
    tasks = [
        Task(name=name, function=getattr(functions, name), arguments=arguments, folder=tmp_path / name)
        for name, arguments in (("refuse", ()), ("write", ("here",)))
    ]
    with Interrupts() as interrupts:
        outcomes = run_tasks(
            tasks, 0, interrupts, lambda task: calls.append(f"start {task.name}"),
            lambda outcome: calls.append(f"end {outcome.task.name}"),
        )  # fmt: skip
    assert [outcome.reason for outcome in outcomes] == ["the picture must be square", ""]
    assert calls == ["start refuse", "end refuse", "start write", "end write"]


def test_an_earlier_result_is_replaced_as_a_whole(functions: object, tmp_path: Path) -> None:
    (tmp_path / "write").mkdir()
    (tmp_path / "write" / "old").write_text("")
    run([Task(name="write", function=functions.write, arguments=("new",), folder=tmp_path / "write")], 1)  # type: ignore[attr-defined]
    assert [path.name for path in (tmp_path / "write").iterdir()] == ["text"]


def test_the_workers_leave_when_they_are_orphaned(functions: object, tmp_path: Path) -> None:
    """Kill -9 gives no process a chance to clean up; what is left has no name that looks finished."""
    script = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(Path(functions.__file__).parent)]!r}\n"  # type: ignore[attr-defined]
        "import worker_functions\n"
        "from pathlib import Path\n"
        "from export.execution.interrupts import Interrupts\n"
        "from export.execution.process_pool import Task, run_tasks\n"
        f"folder = Path({str(tmp_path)!r}) / 'h'\n"
        "task = Task(name='hang', function=worker_functions.hang, arguments=(), folder=folder)\n"
        "if __name__ == '__main__':\n"
        "    with Interrupts() as interrupts:\n"
        "        run_tasks([task], 1, interrupts, lambda task: None, lambda outcome: None)\n"
    )
    (tmp_path / "script.py").write_text(script)
    with subprocess.Popen([sys.executable, str(tmp_path / "script.py")], cwd=tmp_path) as process:
        wait_for(lambda: (tmp_path / "h.building" / "half").exists())
        workers = processes_in(tmp_path)
        process.send_signal(signal.SIGKILL)
    assert workers
    wait_for(lambda: not processes_in(tmp_path))
    assert not (tmp_path / "h").exists()


def test_there_is_at_least_one_process() -> None:
    assert 1 <= sensible_jobs() <= (os.cpu_count() or 1)


def processes_in(folder: Path) -> list[int]:
    """Processes whose working directory is ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_for(condition: object, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
