"""Serves the studio's page and an export's files to browsers of this machine, with the headers that threads ask for."""

from __future__ import annotations

import errno
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.studio.site import ARTIFACTS as FOLDER
from runtime.studio.site import checked_sources
from runtime.system.errors import ReblurError

HOST = "127.0.0.1"
ARTIFACTS = f"/{FOLDER}/"
"""Before the export's files in addresses."""
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""The first two isolate the page from others, without which browsers give wasm no threads."""
TYPES = {".wasm": "application/wasm", ".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}


def open_server(page: Path, artifacts: Path, port: int) -> ThreadingHTTPServer:
    """A server that listens, for this machine alone.

    Args:
        page: folder with the built page.
        artifacts: folder of an export.
        port: 0 takes any that is free.

    Raises:
        ReblurError: there is no page, no export with TFLite files, or the port is taken.
    """
    served = checked_sources(page, artifacts)
    handler = partial(Handler, page=page.resolve(), artifacts=artifacts.resolve(), served=served)
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise ReblurError(f"port {port} is taken or not allowed: choose another with --port, or 0 for any") from error


class Handler(SimpleHTTPRequestHandler):
    """One request: a file of the page, or one of the export."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, page: Path, artifacts: Path, served: frozenset[str]) -> None:
        self._page, self._artifacts, self._served = page, artifacts, served
        super().__init__(*args, directory=str(page))  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """Where a file lies; a name that is none where it is not to be had."""
        address = unquote(urlsplit(path).path)
        if address.startswith(ARTIFACTS):
            name = address.removeprefix(ARTIFACTS)
            return str(self._artifacts / name) if name in self._served else str(self._page / "no such file")
        return super().translate_path(path)

    def guess_type(self, path: str | PathLike[str]) -> str:
        """What a file is: the same on every machine, for those that a page cannot do without."""
        return TYPES.get(Path(path).suffix) or super().guess_type(path)

    def list_directory(self, path: object) -> None:
        """Folders are not shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """With the headers that every answer has."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the page says what happens."""
