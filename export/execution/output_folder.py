"""The export's folder: built beside its place under a temporary name, moved there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from export.execution.logs import LOGS_FOLDER
from export.execution.task import LOG
from runtime.manifest.manifest import FILE_NAME
from runtime.manifest.records import CHECKS_FILE
from runtime.manifest.signature import SIGNATURE_FILE_NAME
from runtime.system.errors import ReblurError

GOLDEN_FOLDER = "golden"
REPORT_FILE_NAME = "report.html"
SCHEMA_FILE_NAME = "manifest.schema.json"
OF_FILE_MANAGERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
SHOWN_FOREIGN = 3
PARTIAL = ".partial"
REPLACED = ".replaced"
"""Suffix of an earlier export while the new one takes its place."""


def destination(out: Path) -> Path:
    """Where an export to ``out`` goes: a symbolic link stays one, and what it names is filled.

    Raises:
        ReblurError: the link leads back to itself.
    """
    out = out.absolute()
    try:
        return out.resolve() if out.is_symlink() else out
    except (OSError, RuntimeError) as error:
        raise ReblurError(f"{out} is a symbolic link that leads nowhere: choose another --out") from error


def check_destination(out: Path, overwrite: bool) -> None:
    """Check that the export may be put at ``out``, which is no symbolic link.

    Raises:
        ReblurError: there is something, and it is no earlier export, ``overwrite`` is not given, or it holds what no
            export wrote.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise ReblurError(f"{out} is a file, not a folder: choose another --out")
    if out.is_mount():
        raise ReblurError(f"{out} is a mount point, which cannot be replaced: choose a folder within it as --out")
    found = _paths_in(out)
    if not found:
        return
    manifest = _manifest_of(out)
    if "reblur_version" not in manifest:
        raise ReblurError(
            f"{out} holds files that no export wrote (it has no Reblur {FILE_NAME}): choose another --out"
        )
    if not overwrite:
        raise ReblurError(f"{out} already holds an export: add --overwrite to replace it")
    foreign = sorted(found - _written_paths(out, manifest))
    if foreign:
        more = f" and {len(foreign) - SHOWN_FOREIGN} more" if len(foreign) > SHOWN_FOREIGN else ""
        names = ", ".join(foreign[:SHOWN_FOREIGN])
        raise ReblurError(f"{out} also holds {names}{more}, which no export wrote: move it away first")


def is_there(out: Path) -> bool:
    """Whether something is at ``out`` already, more than an empty folder."""
    return out.is_dir() and any(out.iterdir())


def partial_of(out: Path) -> Path:
    """Where goes what passed where not all did, and ``out`` holds an earlier export, which is not to be lost."""
    return out.with_name(f"{out.name}{PARTIAL}")


@contextlib.contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out``; whatever is still there at the end is removed.

    Raises:
        ReblurError: it cannot be made.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.building.", dir=out.parent))
    except OSError as error:
        raise ReblurError(f"cannot write to {out.parent}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(out: Path) -> None:
    """Remove what an export to ``out`` left that was killed; nobody else may be at it now.

    Killed in the instant between two renames, it leaves no ``out`` but the earlier export beside it, which comes back.
    """
    for left in out.parent.glob(f".{out.name}.building.*"):
        if left.name.endswith(REPLACED) and not out.exists():
            left.rename(out)
        else:
            shutil.rmtree(left, ignore_errors=True)


def publish(folder: Path, out: Path) -> None:
    """Move the finished ``folder`` to ``out``; an earlier export there goes only when the new one stands.

    Raises:
        ReblurError: something was put there meanwhile, or it cannot be moved; what is there is as it was.
    """
    check_destination(out, overwrite=True)
    replaced = folder.with_name(f"{folder.name}{REPLACED}")
    try:
        folder.chmod(0o755)
        if out.exists():
            out.rename(replaced)
        folder.rename(out)
    except OSError as error:
        raise ReblurError(f"cannot move the export to {out}: {error.strerror or error}") from error
    finally:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        shutil.rmtree(replaced, ignore_errors=True)


def _paths_in(folder: Path) -> set[str]:
    """Everything below a folder that is not a folder itself, and folders with nothing in them; not what file managers
    put everywhere.
    """
    found = set()
    for path, folders, files in os.walk(folder):
        here = Path(path).relative_to(folder)
        links = [name for name in folders if (Path(path) / name).is_symlink()]
        found |= {(here / name).as_posix() for name in (*files, *links) if name not in OF_FILE_MANAGERS}
        if not folders and not files and here.parts:
            found.add(here.as_posix())
    return found


def _written_paths(folder: Path, manifest: Any) -> set[str]:
    """What an earlier export, of this version or another, wrote: the paths that its manifest names, and its own."""
    logs = {f"{LOGS_FOLDER}/{path.name}" for path in (folder / LOGS_FOLDER).glob(f"*{LOG}")}
    own = {FILE_NAME, CHECKS_FILE, SCHEMA_FILE_NAME, REPORT_FILE_NAME, SIGNATURE_FILE_NAME, GOLDEN_FOLDER, LOGS_FOLDER}
    return own | logs | _named_in(manifest)


def _named_in(value: Any) -> set[str]:
    """Every ``path`` of a manifest, however deep; an empty folder may have the name of a package."""
    if isinstance(value, list):
        return set().union(*map(_named_in, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(_named_in, value.values()))
    path = value.get("path")
    return found | {path} if isinstance(path, str) else found


def _manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest as plain JSON, empty if there is none that can be read."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
