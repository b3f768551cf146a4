"""Logs of what failed, where people find them: in the export's folder, or beside it where there is none.

artifacts/logs/<name>.log     of an export that was published all the same: a negative control could not be tried
artifacts.logs/<name>.log     of one that was not
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from export.execution.task import LOG

LOGS_FOLDER = "logs"


def logs_beside(out: Path) -> Path:
    """The folder of the logs of an export to ``out`` that was not published."""
    return out.with_name(f"{out.name}.{LOGS_FOLDER}")


def move_logs(logs: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Move logs into a folder in place of those of an earlier run; what else is in it stays.

    Args:
        logs: name -> file.
        folder: made where it is needed, and removed where nothing is left in it.

    Returns:
        Name -> where its log is now.

    Raises:
        OSError: a file cannot be moved.
    """
    if folder.is_dir():
        for earlier in folder.glob(f"*{LOG}"):
            earlier.unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()
    if logs:
        folder.mkdir(exist_ok=True)
    return {name: Path(shutil.move(log, folder / f"{name}{LOG}")) for name, log in logs.items()}


def find_logs(out: Path) -> dict[str, Path]:
    """Name -> log, of an export that was published."""
    return {path.stem: path for path in sorted((out / LOGS_FOLDER).glob(f"*{LOG}"))}


def shown_path(path: Path) -> str:
    """A path as a person would type it: from the working directory where it is below that."""
    here = Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)
