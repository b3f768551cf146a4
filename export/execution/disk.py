"""Whether an error came from a full disk, and what to say then."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

FULL_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
LEAST_FREE_BYTES = 2**20
"""Below this a disk counts as full, whatever the error says: converters in C++ do not tell why they failed."""


def is_full_disk(error: BaseException, folder: Path | None = None) -> bool:
    """Whether an error came from a full disk.

    Args:
        error: it counts if it or anything that caused it says so.
        folder: if given, an error also counts when hardly anything is left on this folder's disk.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in FULL_DISK_ERRORS:
            return True
        cause = cause.__cause__ or cause.__context__
    if folder is None:
        return False
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    return False


def full_disk_message(out: Path) -> str:
    """What to tell the user."""
    return f"the disk that holds {out.parent} is full ({os.strerror(errno.ENOSPC)}): free some space and run again"
