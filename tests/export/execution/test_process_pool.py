"""Tasks in processes of their own, with functions that a real process can be sent."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from export.execution.interrupts import Interrupts
from export.execution.process_pool import run_tasks, sensible_jobs
from export.execution.task import Outcome, Task
from runtime.system.errors import ReblurError

ROOT = Path(__file__).parents[3]
FUNCTIONS = """
import ctypes, errno, logging, os, subprocess, tempfile, time, warnings
from pathlib import Path
from runtime.system.errors import ReblurError
from runtime.system.silence import silence

def write(folder, text):
    (folder / "text").write_text(text)

def refuse(folder):
    (folder / "half").write_text("")
    print("print")
    os.write(1, b"write\\n")
    ctypes.CDLL(None).puts(b"puts")
    logging.getLogger("converter").warning("logging")
    with silence():
        warnings.warn("warning")
    raise ReblurError("the picture must be square\\nmore")

def crash(folder):
    (folder / "half").write_text("")
    os.write(2, b"about to crash\\n")
    ctypes.string_at(0)

def hang(folder):
    (folder / "half").write_text("")
    time.sleep(600)

def leave(folder):
    print("leaving")
    os._exit(3)

def litter(folder):
    tempfile.mkdtemp()
    tempfile.mkstemp()
    subprocess.run(["mktemp"], check=True)

def full(folder):
    raise RuntimeError("the converter failed") from OSError(errno.ENOSPC, "No space left on device")
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A module that the processes can import, too."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "worker_functions.py").write_text(FUNCTIONS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("worker_functions")
    sys.path.remove(str(folder))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """One whose path leaves room for that of a socket, which has little over a hundred characters."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def run(tasks: list[Task], jobs_at_once: int = 2) -> list[Outcome]:
    with Interrupts() as interrupts:
        return run_tasks(tasks, jobs_at_once, interrupts, lambda task: None, lambda outcome: None)


@pytest.mark.slow
def test_a_crash_or_a_hang_is_one_failed_task(functions: Any, tmp_path: Path) -> None:
    names = ["write", "refuse", "crash", "hang", "leave"]
    tasks = [
        Task(
            name=name,
            function=getattr(functions, name),
            arguments=("done",) if name == "write" else (),
            folder=tmp_path / name,
            limit_s=10.0 if name == "hang" else 120.0,
        )
        for name in names
    ]
    outcomes = {outcome.task.name: outcome for outcome in run(tasks)}
    reasons = {name: outcome.reason for name, outcome in outcomes.items()}
    assert reasons == {
        "write": "",
        "refuse": "the picture must be square",
        "crash": "its process crashed: SIGSEGV",
        "hang": "stopped after 10 s",
        "leave": "its process ended with exit code 3",
    }
    left = {"write", *(f"{name}.log" for name in names[1:])}
    assert {path.name for path in tmp_path.iterdir()} == left
    assert (tmp_path / "write" / "text").read_text() == "done"
    assert outcomes["write"].log is None
    logs = {name: log_of(outcomes[name]) for name in names[1:]}
    assert "about to crash\nFatal Python error: Segmentation fault" in logs["crash"]
    assert all("worker_functions.py" in logs[name] for name in ("refuse", "crash", "hang"))
    assert {name: text.splitlines()[-1] for name, text in logs.items() if name != "refuse"} == {
        name: reasons[name] for name in ("crash", "hang", "leave")
    }
    assert logs["leave"].startswith("leaving\n")


@pytest.mark.filterwarnings("ignore:warning:UserWarning")
@pytest.mark.parametrize("jobs_at_once", [0, 1])
def test_the_log_has_what_python_and_c_said_and_the_traceback(
    functions: object, tmp_path: Path, jobs_at_once: int, capfd: pytest.CaptureFixture[str]
) -> None:
    task = Task(name="refuse", function=functions.refuse, arguments=(), folder=tmp_path / "refuse")  # type: ignore[attr-defined]
    (outcome,) = run([task], jobs_at_once)
    lines = log_of(outcome).splitlines()
    assert {"print", "write", "puts"} <= set(lines)
    if jobs_at_once:  # in this process pytest takes these two first
        assert "logging" in lines
        assert any("UserWarning: warning" in line for line in lines)
    assert lines[-2:] == ["runtime.system.errors.ReblurError: the picture must be square", "more"]
    assert "Traceback (most recent call last):" in lines
    assert capfd.readouterr() == ("", "")


def test_a_task_that_ends_well_may_still_have_a_failure_to_tell(functions: object, tmp_path: Path) -> None:
    task = Task(
        name="write",
        function=functions.write,  # type: ignore[attr-defined]
        arguments=("it failed",),
        folder=tmp_path / "write",
        is_good=is_done,
    )
    (outcome,) = run([task])
    assert (outcome.reason, outcome.log) == ("", tmp_path / "write.log")
    (outcome,) = run([dataclasses.replace(task, arguments=("done",))])
    assert (outcome.reason, outcome.log) == ("", None)
    assert not task.log.exists()


def is_done(folder: Path) -> bool:
    return (folder / "text").read_text() == "done"


def log_of(outcome: Outcome) -> str:
    assert outcome.log is not None
    return outcome.log.read_text()


@pytest.mark.parametrize("jobs_at_once", [0, 1])
def test_a_full_disk_ends_everything(functions: Any, tmp_path: Path, jobs_at_once: int) -> None:
    task = Task(name="full", function=functions.full, arguments=(), folder=tmp_path / "full")
    with pytest.raises(ValueError, match=os.strerror(errno.ENOSPC)):
        run([task], jobs_at_once)
    assert list(tmp_path.iterdir()) == []


def test_in_this_process(functions: Any, tmp_path: Path) -> None:
    calls: list[str] = []
    tasks = [
        Task(name=name, function=getattr(functions, name), arguments=arguments, folder=tmp_path / name)
        for name, arguments in (("refuse", ()), ("write", ("here",)))
    ]
    with Interrupts() as interrupts:
        outcomes = run_tasks(
            tasks,
            0,
            interrupts,
            lambda task: calls.append(f"start {task.name}"),
            lambda outcome: calls.append(f"end {outcome.task.name}"),
        )
    assert [outcome.reason for outcome in outcomes] == ["the picture must be square", ""]
    assert calls == ["start refuse", "end refuse", "start write", "end write"]


def test_an_earlier_result_is_replaced_as_a_whole(functions: Any, tmp_path: Path) -> None:
    (tmp_path / "write").mkdir()
    (tmp_path / "write" / "old").write_text("")
    run([Task(name="write", function=functions.write, arguments=("new",), folder=tmp_path / "write")], 1)
    assert [path.name for path in (tmp_path / "write").iterdir()] == ["text"]


@pytest.mark.slow
def test_the_workers_leave_when_they_are_orphaned(functions: Any, tmp_path: Path, short_folder: Path) -> None:
    """Kill -9 gives no process a chance to clean up; what is left has no name that looks finished."""
    script = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(Path(functions.__file__).parent)]!r}\n"
        "import worker_functions\n"
        "from pathlib import Path\n"
        "from export.execution.interrupts import Interrupts\n"
        "from export.execution.process_pool import run_tasks\n"
        "from export.execution.task import Task\n"
        f"folder = Path({str(tmp_path)!r}) / 'h'\n"
        "task = Task(name='hang', function=worker_functions.hang, arguments=(), folder=folder)\n"
        "if __name__ == '__main__':\n"
        "    with Interrupts() as interrupts:\n"
        "        run_tasks([task], 1, interrupts, lambda task: None, lambda outcome: None)\n"
    )
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "TMPDIR": str(short_folder)}
    with subprocess.Popen([sys.executable, str(tmp_path / "script.py")], cwd=tmp_path, env=environment) as process:
        wait_for(lambda: (tmp_path / "h.building" / "half").exists())
        workers = processes_in(tmp_path)
        process.send_signal(signal.SIGKILL)
    assert workers
    wait_for(lambda: not processes_in(tmp_path))
    assert list(tmp_path.glob("h*")) == []
    assert list(short_folder.iterdir()) == []


def test_a_killed_server_is_one_sentence(functions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self: object) -> None:
        raise EOFError("unexpected EOF")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", killed)
    task = Task(name="write", function=functions.write, arguments=("here",), folder=tmp_path / "done")
    with pytest.raises(ReblurError, match="was killed, perhaps for lack of memory: run again with fewer --jobs"):
        run([task], 1)


def test_a_long_place_for_temporary_files_is_one_sentence(
    functions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    monkeypatch.setattr("export.execution.process_pool.get_temp_dir", lambda: str(long))
    task = Task(name="write", function=functions.write, arguments=("here",), folder=tmp_path / "done")
    with pytest.raises(ReblurError, match="is too long a path for a socket: set a shorter one"):
        run([task], 1)


@pytest.mark.parametrize("jobs_at_once", [0, 1])
def test_nothing_temporary_is_left(
    functions: Any, tmp_path: Path, jobs_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Converters count on an ordinary end of the process, which there is none of here."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    task = Task(name="litter", function=functions.litter, arguments=(), folder=tmp_path / "done")
    (outcome,) = run([task], jobs_at_once)
    assert outcome.reason == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "temporary"]
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("pymp-")] == []
    assert (os.environ["TMPDIR"], tempfile.gettempdir()) == (str(temporary), str(temporary))


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
