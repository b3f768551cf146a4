"""An iPhone or iPad, by Xcode's devicectl."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.phones.bridge import ask, only, tool
from runtime.system.errors import ReblurError

BUNDLE = "org.reblur.demo"
FOLDER = "Documents/benchmark"
"""Where the application writes a file of rows for each run, in its container."""


class IosPhone:
    """See ``bridge.Phone``.

    Args:
        identifier: of the device, as ``xcrun devicectl list devices`` says it; None where there is one only.

    Raises:
        ReblurError: xcrun is not installed, or there is no such device.
    """

    def __init__(self, identifier: str | None = None) -> None:
        self._xcrun = tool("xcrun", "Xcode 15 or later, on macOS")
        devices = self._json("list", "devices").get("devices", [])
        self.identifier = only([device["identifier"] for device in devices], identifier, "iPhone or iPad")

    def _json(self, *words: str) -> dict[str, Any]:
        """What devicectl answers: it writes JSON to a file only."""
        with tempfile.TemporaryDirectory(prefix="reblur-phone-") as folder:
            path = Path(folder) / "answer.json"
            ask([self._xcrun, "devicectl", *words, "--json-output", str(path)])
            try:
                return json.loads(path.read_text(encoding="utf-8"))["result"]
            except (OSError, ValueError, KeyError) as error:
                raise ReblurError(f"devicectl {' '.join(words[:2])} gave no answer: is the device unlocked?") from error

    def install(self, app: Path) -> None:
        """Put an .app on it, signed for it."""
        self._json("device", "install", "app", "--device", self.identifier, str(app))

    def start(self, run_id: str, *, quick: bool) -> None:
        """From cold."""
        words = ["device", "process", "launch", "--terminate-existing", "--device", self.identifier, BUNDLE]
        self._json(*words, "--mode", "benchmark", "--run-id", run_id, *(["--quick"] if quick else []))

    def rows(self, run_id: str) -> str:
        """The file's text."""
        with tempfile.TemporaryDirectory(prefix="reblur-phone-") as folder:
            target = Path(folder) / "rows.jsonl"
            container = ["--domain-type", "appDataContainer", "--domain-identifier", BUNDLE]
            words = ["--source", f"{FOLDER}/{run_id}.jsonl", "--destination", str(target)]
            try:
                self._json("device", "copy", "from", "--device", self.identifier, *container, *words)
            except ReblurError:
                return ""  # there is no row yet
            return target.read_text(encoding="utf-8") if target.is_file() else ""
