"""What earlier exports made: kept beside the export's folder, found again by a digest of all it was made from.

    .artifacts.cache/deblur-tflite-int8-3f6c.../    record.json and the files

A changed checkpoint, recipe, tool or line of this project's code changes the digest, and the artefact is made again.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterable
from functools import cache as once
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from export.execution.task import LOG, PARTIAL, SCRATCH
from runtime.system.errors import ReblurError

LOCK = "lock"
RECORD = "record.json"
SOURCES = ("export", "runtime", "train")
"""Packages whose code takes part in what is made and how it is judged."""


class Cache:
    """The folder of one export; a context that no other export of the same folder may enter meanwhile."""

    def __init__(self, out: Path) -> None:
        self.folder = out.with_name(f".{out.name}.cache")
        self._lock = FileLock(self.folder / LOCK, timeout=0)

    def __enter__(self) -> Cache:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise ReblurError(f"another export to {self.folder.parent} is running: wait for it to end") from error
        except OSError as error:
            raise ReblurError(f"cannot write to {self.folder.parent}: {error.strerror or error}") from error
        self._sweep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweep()
        self._lock.release()
        if {path.name for path in self.folder.iterdir()} <= {LOCK}:
            shutil.rmtree(self.folder, ignore_errors=True)

    def entry(self, name: str, key: str) -> Path:
        """Where the thing of that name and key is, or will be."""
        return self.folder / f"{name}-{key[:16]}"

    def prune(self, keep: Iterable[Path]) -> None:
        """Remove all entries but those to keep."""
        kept = {path.name for path in keep}
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what tasks left that did not end, and logs that nobody took."""
        for suffix in (PARTIAL, SCRATCH):
            for left in self.folder.glob(f"*{suffix}"):
                shutil.rmtree(left, ignore_errors=True)
        for log in self.folder.glob(f"*{LOG}"):
            log.unlink(missing_ok=True)


def write_record(folder: Path, value: dict[str, Any]) -> None:
    """Note something about an entry."""
    (folder / RECORD).write_text(json.dumps(value, indent=1, allow_nan=False), encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any] | None:
    """What was noted about an entry; None where there is none, or it is damaged."""
    try:
        value = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def key_of(*parts: Any) -> str:
    """Digest of plain JSON values, the project's code and the kind of machine: 64 hexadecimal digits."""
    text = json.dumps([*parts, _sources(), platform.machine(), platform.python_version()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@once
def _sources() -> str:
    """Digest of the project's code and tables."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[2]
    for package in SOURCES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".json", ".css", ".html") and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_there(folder: Path) -> bool:
    """Whether a task has left its record."""
    return read_record(folder) is not None
