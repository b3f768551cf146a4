"""The studio's server: what it gives to browsers, with which headers, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from runtime.studio import main
from runtime.studio.server import open_server
from runtime.studio.site import checked_sources, write_site
from runtime.system.errors import ReblurError
from tests.runtime.conftest import artifact_of, manifest_of


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    (folder / "wasm").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "wasm" / "runtime.wasm").write_bytes(b"\0asm")
    (folder / "wasm" / "runtime.js").write_text("0")
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    for graph in ("defocus", "deblur", "refocus"):
        (folder / f"{graph}_fp32.tflite").write_bytes(graph.encode())
    (folder / "secret.txt").write_text("not of the export")
    graphs = ("defocus", "deblur", "refocus")
    manifest_of(tuple(artifact_of(graph, directory=folder) for graph in graphs)).write(folder)
    return folder


@pytest.fixture
def port(page: Path, artifacts: Path) -> Iterator[int]:
    server = open_server(page, artifacts, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def get(port: int, path: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Connection": "close"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html"),
        ("/wasm/runtime.wasm", "application/wasm"),
        ("/wasm/runtime.js", "text/javascript"),
        ("/artifacts/manifest.json", "application/json"),
        ("/artifacts/refocus_fp32.tflite", "application/octet-stream"),
    ],
)
def test_everything_comes_isolated_and_with_its_type(port: int, path: str, content_type: str) -> None:
    response = get(port, path)
    assert response.status == 200
    assert response.headers.get_content_type() == content_type
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/secret.txt",
        "/artifacts/../artifacts/secret.txt",
        "/artifacts/..%2Fartifacts%2Fsecret.txt",
        "/../artifacts/secret.txt",
        "/artifacts/",
        "/wasm/",
        "/nothing.js",
    ],
)
def test_nothing_else_is_given(port: int, path: str) -> None:
    assert get(port, path).status == 404


def test_only_this_machine_is_served(page: Path, artifacts: Path) -> None:
    with open_server(page, artifacts, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_the_page_may_have_models_and_golden_vectors_but_no_report(page: Path, artifacts: Path) -> None:
    served = checked_sources(page, artifacts)
    assert {"manifest.json", "defocus_fp32.tflite", "golden/defocus.noise.image.u8"} <= served
    assert "checks.json" not in served


def test_a_page_that_was_not_built_is_said_so(tmp_path: Path, artifacts: Path) -> None:
    with pytest.raises(ReblurError, match="make studio-page"):
        open_server(tmp_path, artifacts, 0)


def test_a_port_that_is_taken_is_said_so(port: int, page: Path, artifacts: Path) -> None:
    with pytest.raises(ReblurError, match=f"port {port} is taken"):
        open_server(page, artifacts, port)


def test_the_command_ends_with_2_where_there_is_no_export(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--page", str(page), "--artifacts", str(tmp_path / "none")]) == 2
    assert "make export" in capsys.readouterr().err


def golden(artifacts: Path) -> None:
    (artifacts / "golden").mkdir()
    for name in ("defocus.noise.image.u8", "defocus.noise.sigma_px.f32"):
        (artifacts / "golden" / name).write_bytes(b"0")


def test_a_static_page_has_the_export_beside_it(page: Path, artifacts: Path, tmp_path: Path) -> None:
    (page / "sw.js").write_text("0")
    golden(artifacts)
    site = tmp_path / "site"
    assert write_site(page, artifacts, site) == 10
    assert (site / "artifacts" / "refocus_fp32.tflite").read_bytes() == b"refocus"
    assert not (site / "artifacts" / "secret.txt").exists()
    assert write_site(page, artifacts, site) == 10


def test_a_static_page_is_not_written_over_anything_else(page: Path, artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ReblurError, match="choose a new folder"):
        write_site(page, artifacts, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
