"""The report in a real headless Chromium, driven over its debugging pipe: nothing but the browser is needed."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from export.reporting.page import page as render_page
from tests.export.reporting.rich_manifest import rich_manifest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")
FLAGS = (
    "--headless=shell",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
OPEN_ALL = "for (const part of document.querySelectorAll('details')) part.open = true"
MEASURE = """JSON.stringify({
  width: document.documentElement.scrollWidth,
  broken: [...document.images].filter(image => !image.naturalWidth).length,
  images: document.images.length,
  cells: [...document.querySelectorAll('.heat td')].filter(cell => cell.getBoundingClientRect().height).length,
  requests: performance.getEntriesByType('resource').filter(entry => !entry.name.startsWith('data:')).length,
  ground: getComputedStyle(document.body).backgroundColor,
})"""
CONSOLE = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")


def browser() -> str | None:
    """A Chromium: REBLUR_CHROMIUM names one; else the first on the path."""
    return os.environ.get("REBLUR_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


pytestmark = pytest.mark.skipif(browser() is None, reason="not run: no Chromium here; REBLUR_CHROMIUM names one")


class Tab:
    """One page of a browser that reads commands from its descriptor 3 and answers on 4, each ended by a zero byte."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = os.fdopen(to_browser, "wb"), os.fdopen(from_browser, "rb")
        self._count = 0
        self.messages: list[dict[str, Any]] = []
        self._session: dict[str, str] = {}
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters, **self._session}
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Load a page and wait until it stands; forgets what earlier ones put on the console."""
        self.messages.clear()
        self.ask("Page.navigate", url=url)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def _next(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "the browser has gone"
            data += byte
        message: dict[str, Any] = json.loads(data)
        if message.get("method") in CONSOLE:
            self.messages.append(message)
        return message


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    to_browser, from_browser = os.pipe(), os.pipe()
    # The browser expects its pipe at the descriptors 3 and 4, so a shell puts it there.
    command = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    process = subprocess.Popen(
        ["bash", "-c", command, "browser", str(browser()), *FLAGS, profile],
        pass_fds=(to_browser[0], from_browser[1]),
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        yield Tab(to_browser[1], from_browser[0])
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def rich_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a made-up export as rich as a full one, without pictures."""
    path = tmp_path_factory.mktemp("rich") / "report.html"
    path.write_text(render_page(rich_manifest(), path.parent, None), encoding="utf-8")
    return path


def show(tab: Tab, page: Path, width_px: int, height_px: int, scheme: str) -> dict[str, Any]:
    """Load a page, open all that can be opened, and measure it."""
    tab.ask("Emulation.setDeviceMetricsOverride", width=width_px, height=height_px, deviceScaleFactor=1, mobile=False)
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.open(page.as_uri())
    tab.ask("Runtime.evaluate", expression=OPEN_ALL)
    found: dict[str, Any] = json.loads(tab.ask("Runtime.evaluate", expression=MEASURE)["result"]["value"])
    return found


SCREENS = [(390, 844), (1280, 900)]
GROUNDS = [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 22, 26)")]


@pytest.mark.parametrize(("width_px", "height_px"), SCREENS)
@pytest.mark.parametrize(("scheme", "ground"), GROUNDS)
def test_it_fits_is_whole_and_follows_the_scheme(
    tab: Tab, small_export: Path, width_px: int, height_px: int, scheme: str, ground: str
) -> None:
    from PIL import Image

    found = show(tab, small_export / "report.html", width_px, height_px, scheme)
    assert found["width"] == width_px
    assert (found["broken"], found["requests"], found["ground"]) == (0, 0, ground)
    assert found["images"] > 0
    assert tab.messages == []
    shot = base64.b64decode(tab.ask("Page.captureScreenshot", format="png")["data"])
    with Image.open(io.BytesIO(shot)) as image:
        assert image.size == (width_px, height_px)
        assert len(image.convert("RGB").getcolors(2**24) or []) > 10


@pytest.mark.parametrize(("width_px", "height_px"), SCREENS)
@pytest.mark.parametrize(("scheme", "ground"), GROUNDS)
def test_a_full_one_fits_with_everything_open(
    tab: Tab, rich_page: Path, width_px: int, height_px: int, scheme: str, ground: str
) -> None:
    found = show(tab, rich_page, width_px, height_px, scheme)
    assert (found["width"], found["requests"], found["ground"]) == (width_px, 0, ground)
    assert found["cells"] > 500
    assert tab.messages == []


def test_what_a_page_puts_on_the_console_is_noticed(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "loud.html"
    page.write_text("<!doctype html><script>console.error('loud')</script>")
    show(tab, page, 390, 844, "light")
    assert len(tab.messages) == 1
