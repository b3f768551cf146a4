"""The export's folder: built beside its place under a temporary name, moved there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from export.execution.logs import LOGS_FOLDER
from runtime.manifest.manifest import FILE_NAME
from runtime.manifest.signature import SIGNATURE_FILE_NAME
from runtime.system.errors import ReblurError

GOLDEN_FOLDER = "golden"
REPORT_FILE_NAME = "report.html"
SCHEMA_FILE_NAME = "manifest.schema.json"
REPLACED = ".replaced"
"""Suffix of an earlier export while the new one takes its place."""


def check_destination(out: Path, overwrite: bool) -> None:
    """Check that the export may be put at ``out``.

    Raises:
        ReblurError: there is something, and it is no earlier export or ``overwrite`` is not given.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise ReblurError(f"{out} is a file, not a folder: choose another --out")
    visible = {entry.name for entry in out.iterdir()}
    if not visible:
        return
    if not _is_export(out):
        raise ReblurError(
            f"{out} holds files that no export wrote (it has no Reblur {FILE_NAME}): choose another --out"
        )
    if not overwrite:
        raise ReblurError(f"{out} already holds an export: add --overwrite to replace it")
    foreign = sorted(name for name in visible - _written_names(out) if not name.startswith("."))
    if foreign:
        raise ReblurError(f"{out} also holds {', '.join(foreign)}, which no export wrote: move it away first")


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
        ReblurError: it cannot be moved; the earlier export is as it was.
    """
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


def _is_export(folder: Path) -> bool:
    return "reblur_version" in _manifest_of(folder)


def _written_names(folder: Path) -> set[str]:
    """Names at the top of an earlier export, of this version or another, that the export itself wrote."""
    artifacts = _manifest_of(folder).get("artifacts", [])
    paths = [str(entry.get("path", "")) for entry in artifacts if isinstance(entry, dict)]
    written = {FILE_NAME, SCHEMA_FILE_NAME, REPORT_FILE_NAME, SIGNATURE_FILE_NAME, GOLDEN_FOLDER, LOGS_FOLDER}
    return written | {path.split("/")[0] for path in paths}


def _manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest as plain JSON, empty if there is none that can be read."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
