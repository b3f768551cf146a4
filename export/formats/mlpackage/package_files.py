"""Core ML packages on disk: the same model gives the same bytes, and a package lands whole or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from export.interpreters.mil.package import read_model, root_model_path
from runtime.system.errors import ReblurError

SUFFIX = ".mlpackage"
VOLATILE_METADATA = ("com.github.apple.coremltools.conversion_date",)
"""Entries that differ between two conversions of the same module."""


def check_path(path: Path) -> None:
    """Refuse a path that Core ML would not open.

    Raises:
        ReblurError: it does not end in ``.mlpackage``.
    """
    if path.suffix != SUFFIX:
        raise ReblurError(f"a Core ML package ends in {SUFFIX}, but the path is {path}")


@contextlib.contextmanager
def placing(path: Path) -> Iterator[Path]:
    """Give a folder of its own for scratch files; what the block saves there as ``path.name`` becomes ``path``.

    What is at ``path`` already is replaced only at the end, and stays where anything fails before.

    Args:
        path: the package folder.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.stem}.", dir=path.parent))
    try:
        raw = scratch / "raw"
        raw.mkdir()
        yield raw
        clean = scratch / "clean" / path.name
        copy_reproducibly(raw / path.name, clean)
        move_into_place(clean, path, scratch / "replaced")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy_reproducibly(raw: Path, clean: Path) -> None:
    """Copy a package so that the same model gives the same bytes, and so that every copy of it stays valid.

    Left behind are a debugging table beside the manifest, and empty folders: a model without large constants
    has an empty weights folder, which git and most copies lose, and a package that lacks an item of its
    manifest is refused. Files get the usual permissions; coremltools keeps some for their owner alone.
    """
    for file in [raw / "Manifest.json", *sorted((raw / "Data").rglob("*"))]:
        if file.is_file():
            copy = clean / file.relative_to(raw)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    model_path = root_model_path(clean)
    model = read_model(model_path)
    for key in VOLATILE_METADATA:
        model.description.metadata.userDefined.pop(key, None)
    model_path.write_bytes(model.SerializeToString(deterministic=True))
    _rename_items(clean)


def move_into_place(fresh: Path, path: Path, replaced: Path) -> None:
    """Rename ``fresh`` to ``path``; the old one steps aside, as folders are not replaced in one step."""
    try:
        if path.exists():
            path.rename(replaced)
        fresh.rename(path)
    except BaseException:
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        raise


def _rename_items(package: Path) -> None:
    """Name the manifest's items after their paths, not at random, and drop those that are not there."""
    manifest_path = package / "Manifest.json"
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    entries = manifest["itemInfoEntries"]
    names = {
        name: str(uuid.uuid5(uuid.NAMESPACE_URL, entry["path"])).upper()
        for name, entry in entries.items()
        if (package / "Data" / entry["path"]).exists()
    }
    manifest["itemInfoEntries"] = {new: entries[old] for old, new in names.items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    manifest_path.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n", encoding="utf-8")
