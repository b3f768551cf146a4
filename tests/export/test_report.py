"""The report of the small export: what it says, and that it is one valid page by itself."""

from __future__ import annotations

import base64
import dataclasses
import io
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from export import report
from export.check import NOT_RUN
from export.report_html import bar, status, table
from runtime.manifest import Manifest, MatrixCell
from runtime.schema import DelegateCoverage

VOID = {"meta", "img", "br", "rect"}


class Page(HTMLParser):
    """Collects what a page has; an end tag that closes another element than the last is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


@pytest.fixture(scope="module")
def manifest(small_export: Path) -> Manifest:
    return Manifest.load(small_export)


@pytest.fixture(scope="module")
def source(small_export: Path) -> str:
    return (small_export / "report.html").read_text()


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_every_element_is_closed(source: str, page: Page) -> None:
    assert source.startswith("<!doctype html>")
    assert page.open == []


def test_the_page_asks_for_nothing_from_elsewhere(source: str, page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object"}
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
    assert "http:" not in source
    assert "https:" not in source
    assert "url(" not in source
    assert "@import" not in source


def test_it_fits_a_phone_and_has_light_and_dark(source: str, page: Page) -> None:
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "color-scheme: light dark" in source
    assert "prefers-color-scheme: dark" in source
    assert "max-width: 40rem" in source


def test_every_file_version_and_limit_is_told(manifest: Manifest, page: Page) -> None:
    for artifact in manifest.artifacts:
        assert f"{artifact.graph} {artifact.format} {artifact.precision}" in page.texts
    for name, version in manifest.tools.items():
        assert {name, version} <= set(page.texts)
    assert NOT_RUN in page.texts
    assert manifest.checkpoint.sha256 in page.texts
    headings = [page.texts[i] for i, text in enumerate(page.texts) if text in SECTIONS]
    assert headings == ["Files", "Parity", "Pictures", "Sizes", "Coverage", "Tools", "Not run"]


SECTIONS = {"Files", "Parity", "Pictures", "Sizes", "Coverage", "Across runtimes", "Tools", "Not run"}


def test_each_metric_has_a_bar_and_each_figure_a_line(manifest: Manifest, page: Page) -> None:
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    metrics = sum(len({figure.metric for figure in artifact.parity}) for artifact in manifest.artifacts)
    assert len(labels) == metrics + len(manifest.artifacts)
    assert f"All {sum(len(artifact.parity) for artifact in manifest.artifacts)} figures" in page.texts


def test_each_file_has_its_picture_and_its_difference(manifest: Manifest, page: Page) -> None:
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    inputs = sum(len(graph.inputs) for graph in manifest.graphs.values())
    assert len(images) == inputs + len(manifest.graphs) + 2 * len(manifest.artifacts)
    for attributes in images:
        assert pixels(attributes).shape[:2] == (64, 64)
    exact = next(a for a in images if a["alt"].startswith("tflite fp32, difference x10: mean"))
    assert pixels(exact).max() == 0


def test_a_difference_is_shown_ten_times(small_export: Path, manifest: Manifest, page: Page) -> None:
    images = {a["alt"].split(":")[0]: pixels(a) for tag, a in page.tags if tag == "img" and "sharp" in a["alt"]}
    shown = [pixels(a) for tag, a in page.tags if tag == "img" and a["alt"].startswith("onnx int8, difference")][1]
    difference = np.abs(images["onnx int8"].astype(float) - images["float model"].astype(float))
    # Both pictures are rounded to whole levels, so ten times their difference is off by up to ten.
    assert np.abs(np.clip(10.0 * difference, 0.0, 255.0) - shown).max() <= 11.0
    assert shown.max() > 0


def test_coverage_and_matrix_appear_where_the_manifest_has_them(small_export: Path, manifest: Manifest) -> None:
    part = DelegateCoverage(
        delegate="XNNPACK", method="measured", subgraphs=1, inside={"conv": 7}, outside={"pad": 1},
        multiplications_inside=30, multiplications_outside=10,
    )  # fmt: skip
    artifacts = (dataclasses.replace(manifest.artifacts[0], coverage=(part,)), *manifest.artifacts[1:])
    cells = tuple(
        MatrixCell(graph="deblur", case=case, first="a", second="b", metric="psnr_db", value=value)
        for case, value in (("noise", 91.5), ("camera", 88.25))
    )
    richer = dataclasses.replace(manifest, artifacts=artifacts, matrix=cells)
    page = Page(report.page(richer, small_export, None))
    assert {"Coverage", "Across runtimes", "XNNPACK", "7 of 8", "75.0%", "pad x 1", "88.2 dB"} <= set(page.texts)
    assert "Not run: the checkpoint that the files were made from is not here" in page.text


def test_names_and_reasons_are_escaped(small_export: Path, manifest: Manifest) -> None:
    bad = dataclasses.replace(
        manifest.artifacts[0], status="failed", reason="<script>alert('x')</script>", format="tflite"
    )
    page = Page(report.page(dataclasses.replace(manifest, artifacts=(bad,), pipelines=()), small_export, None))
    assert "failed: <script>alert('x')</script>" in page.texts
    assert "script" not in {tag for tag, _ in page.tags}


def test_pieces() -> None:
    assert status("failed", "a < b") == '<span class="failed">failed: a &lt; b</span>'
    assert '<rect class="value" y="2" width="50.00" height="6"/>' in bar(0.5, None, "half")
    assert '<rect class="mark" x="74.70"' in bar(2.0, 0.75, "over")
    assert 'width="100.00"' in bar(2.0, 0.75, "over")
    assert '<td>a</td><td class="number">1</td>' in table(("name", "n"), [("a", "1")], numbers=(1,))


def test_the_command_writes_it_again(
    small_export: Path, small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(small_export, tmp_path / "artifacts"))
    (copy / "report.html").unlink()
    assert report.main([str(copy), "--checkpoint", str(small_checkpoint)]) == 0
    assert (copy / "report.html").read_bytes() == (small_export / "report.html").read_bytes()
    assert report.main([str(copy), "--checkpoint", str(tmp_path / "none")]) == 0
    assert "no pictures" in capsys.readouterr().err
    assert report.main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("error: no folder ")


def pixels(attributes: dict[str, str]) -> np.ndarray:
    from PIL import Image

    data = base64.b64decode(attributes["src"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)
