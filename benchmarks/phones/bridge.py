"""What a phone is to the computer it hangs on: an application goes in, is started, and its file of rows comes out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from runtime.system.errors import ReblurError

LIMIT_S = 300.0
"""Of one command of the platform's tool."""


class Phone(Protocol):
    """One phone on a cable."""

    def install(self, app: Path) -> None:
        """Put the application on it, over an older one."""

    def start(self, run_id: str, *, quick: bool) -> None:
        """Start the application in benchmark mode; it measures by itself from then on."""

    def rows(self, run_id: str) -> str:
        """What its file of rows holds by now; empty where there is none yet."""


def tool(name: str, package: str) -> str:
    """Where a platform's tool is.

    Raises:
        ReblurError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise ReblurError(f"{name} is not installed: it comes with {package}")
    return found


def ask(words: Sequence[str]) -> str:
    """Run a command and give what it says.

    Raises:
        ReblurError: it fails, or does not end.
    """
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ReblurError(f"{Path(words[0]).name} did not answer for {LIMIT_S:g} s: is the phone unlocked?") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no word"]
        raise ReblurError(f"{Path(words[0]).name} {' '.join(words[1:3])} failed: {said[-1]}")
    return done.stdout


def only(found: Sequence[str], wanted: str | None, kind: str) -> str:
    """The phone that is meant.

    Raises:
        ReblurError: there is none, several, or not the one.
    """
    if wanted is not None:
        if wanted not in found:
            raise ReblurError(f"no {kind} {wanted!r}: there are {', '.join(found) or 'none'}")
        return wanted
    if len(found) != 1:
        raise ReblurError(f"expected one {kind} on a cable, found {', '.join(found) or 'none'}: name it with --device")
    return found[0]
