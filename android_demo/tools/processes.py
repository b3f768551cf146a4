"""Folders, commands and clocks of the build; and the one kind of error that people see."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


class BuildError(Exception):
    """Something that a person has to put right, in words."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command.

    Returns:
        What it printed.

    Raises:
        BuildError: with what it printed, where it fails or is not installed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, check=False)
    except FileNotFoundError as error:
        raise BuildError(f"{words[0]} is not installed: the build needs a JDK 17 and Maven") from error
    if done.returncode:
        raise BuildError(f"{Path(words[0]).name} failed with {done.returncode}:\n{done.stdout[-8000:]}")
    return done.stdout


def java_home() -> Path:
    """The JDK that ``java`` belongs to."""
    settings = run("java", "-XshowSettings:properties", "-version")
    found = re.search(r"java\.home = (.+)", settings)
    if found is None:
        raise BuildError("java does not say where its home is: set JAVA_HOME")
    return Path(os.environ.get("JAVA_HOME") or found[1].strip())


def joined(paths: list[Path]) -> str:
    """A classpath as Java wants it."""
    return os.pathsep.join(str(path) for path in paths)


def emptied(folder: Path) -> Path:
    """The folder, new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Say how long a stage took."""
    start = time.perf_counter()
    yield
    print(f"{name:12} {time.perf_counter() - start:6.1f} s", flush=True)
