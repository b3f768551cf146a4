"""That no input of a command is written over, and no output of it by another: asked before any work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runtime.system.errors import ReblurError


def check_outputs(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """Check that what is written is neither what is read nor written twice, by whatever name it goes.

    Args:
        outputs: what each is, for people -> the file; None where it was not asked for.
        inputs: likewise, of what is read: files, and folders whose files all count.

    Raises:
        ReblurError: two are the same file.
    """
    known = {_identity(path): (name, path) for name, path in inputs.items() if path is not None}
    for name, path in outputs.items():
        if path is None:
            continue
        if (identity := _identity(path)) in known:
            other, its_path = known[identity]
            raise ReblurError(
                f"{name}, {path}, would be written over {other}, {its_path}: choose another name or folder"
            )
        for folder_name, folder in inputs.items():
            if folder is not None and folder.is_dir() and path.is_file() and folder.resolve() in path.resolve().parents:
                raise ReblurError(
                    f"{name}, {path}, would be written over a file of {folder_name}: choose another folder"
                )
        known[identity] = (name, path)


def check_folder_can_be_made(folder: Path) -> None:
    """Check that a folder is there or can be made, without making it.

    Raises:
        ReblurError: it is a file, or below one, or may not be written to.
    """
    existing = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
    if not existing.is_dir():
        raise ReblurError(f"cannot make the folder {folder}: {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ReblurError(f"cannot write to the folder {folder}: permission denied")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        ReblurError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReblurError(f"cannot make the folder {folder}: {error.strerror}") from error


def _identity(path: Path) -> tuple[object, ...]:
    """The same for all names of one file: links, and on some systems other cases of its letters."""
    try:
        found = path.stat()
    except FileNotFoundError:
        parent = path.parent.resolve()
        return str(parent).casefold(), path.name.casefold()
    return found.st_dev, found.st_ino
