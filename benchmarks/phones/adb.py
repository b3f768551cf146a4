"""An Android phone, by adb."""

from __future__ import annotations

from pathlib import Path

from benchmarks.phones.bridge import ask, only, tool
from runtime.system.errors import ReblurError

PACKAGE = "org.reblur.demo"
ACTIVITY = f"{PACKAGE}/.MainActivity"
FOLDER = f"/sdcard/Android/data/{PACKAGE}/files/benchmark"
"""Where the application writes a file of rows for each run."""


class AndroidPhone:
    """See ``bridge.Phone``.

    Args:
        serial: of the phone, as ``adb devices`` says it; None where there is one only.

    Raises:
        ReblurError: adb is not installed, or there is no such phone, or it does not trust this computer.
    """

    def __init__(self, serial: str | None = None) -> None:
        self._adb = tool("adb", "the Android SDK's platform tools")
        lines = [line.split() for line in ask([self._adb, "devices"]).splitlines()[1:] if line.strip()]
        waiting = [words[0] for words in lines if words[1:2] == ["unauthorized"]]
        if waiting and serial in (None, *waiting):
            raise ReblurError(f"{waiting[0]} does not trust this computer: unlock it and allow USB debugging")
        self.serial = only([words[0] for words in lines if words[1:2] == ["device"]], serial, "Android phone")

    def _ask(self, *words: str) -> str:
        return ask([self._adb, "-s", self.serial, *words])

    def install(self, app: Path) -> None:
        """Put an .apk on it."""
        self._ask("install", "-r", str(app))

    def start(self, run_id: str, *, quick: bool) -> None:
        """From cold, with the screen kept on while it is."""
        self._ask("shell", "am", "force-stop", PACKAGE)
        words = ["shell", "am", "start", "-n", ACTIVITY, "--es", "mode", "benchmark", "--es", "run_id", run_id]
        said = self._ask(*words, *(["--ez", "quick", "true"] if quick else []))
        if "Error" in said:
            raise ReblurError(
                f"the application does not start: {said.strip().splitlines()[-1]}; give --app to install it"
            )

    def rows(self, run_id: str) -> str:
        """The file's text."""
        path = f"{FOLDER}/{run_id}.jsonl"
        return self._ask("shell", f"cat {path} 2>/dev/null || true")
