"""The report: what it says of a made-up export as rich as a full one, and of the small real one its pictures."""

from __future__ import annotations

import base64
import dataclasses
import io
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import report
from export.reporting.matrix import matrix
from export.reporting.names import bar, short_name
from export.reporting.page import page as render_page
from export.reporting.parity import parity
from export.reporting.pictures import choose
from export.reporting.predictions import source_of
from export.reporting.rendering import Section, environment, render_section
from export.reporting.text import counts
from runtime.manifest.manifest import Manifest, MatrixCell
from runtime.manifest.records import Artifact
from tests.export.reporting.html_page import Page
from tests.export.reporting.rich_manifest import CASES, SIZES, rich_manifest

SECTIONS = (
    "Files",
    "Parity",
    "Pictures",
    "Across runtimes",
    "Coverage",
    "Predictions",
    "Sizes",
    "Tools",
    "Not run",
    "Negative controls",
)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return rich_manifest()


@pytest.fixture(scope="module")
def source(manifest: Manifest) -> str:
    return render_page(manifest, Path(), None)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


@pytest.fixture(scope="module")
def small_page(small_export: Path) -> Page:
    return Page((small_export / "report.html").read_text())


def section_page(section: Section | None) -> Page:
    assert section
    return Page(render_section(section))


def test_every_element_is_closed(source: str, page: Page) -> None:
    assert source.startswith("<!doctype html>")
    assert page.open == []


def test_the_page_asks_for_nothing_from_elsewhere(source: str, page: Page, small_page: Page) -> None:
    for tag, attributes in (*page.tags, *small_page.tags):
        assert tag not in {"script", "link", "iframe", "object"}
        assert attributes.get("src", "data:").startswith("data:")
        assert tag == "a" or "href" not in attributes
    assert "url(" not in source
    assert "@import" not in source


def test_links_lead_to_sections_or_sources(page: Page) -> None:
    targets = [attributes["href"] for attributes in page.all("a")]
    inner = [target.removeprefix("#") for target in targets if target.startswith("#")]
    assert inner == [attributes["id"] for attributes in page.all("section")]
    assert len(inner) == len(SECTIONS)
    assert all(target.startswith("https://") for target in targets if not target.startswith("#"))


def test_it_fits_a_phone_and_has_light_and_dark(source: str, page: Page) -> None:
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert "color-scheme: light dark" in source
    assert "prefers-color-scheme: dark" in source
    assert "max-width: 40rem" in source


def test_every_file_version_and_reason_is_told(manifest: Manifest, page: Page) -> None:
    for artifact in manifest.artifacts:
        assert short_name(artifact) in page.texts
    for name, version in manifest.tools.items():
        assert {name, version} <= set(page.texts)
    assert manifest.checkpoint.sha256 in page.texts
    assert "failed: psnr_db is 31 on <noise>, its gate is 55" in page.texts
    assert f"{manifest.artifacts[-1].id}: the converter is not installed" in page.texts
    assert page.texts.count("experimental") >= sum(artifact.experimental for artifact in manifest.artifacts)
    for graph in manifest.graphs:
        assert f"{graph}: {counts([a for a in manifest.artifacts if a.graph == graph])}" in page.texts
    assert [text for text in page.texts if text in SECTIONS][len(SECTIONS) :] == list(SECTIONS)


def test_each_metric_has_a_bar_and_each_figure_a_line(manifest: Manifest, page: Page) -> None:
    labels = [attributes["aria-label"] for attributes in page.all("svg")]
    metrics = sum(len({figure.metric for figure in artifact.parity}) for artifact in manifest.artifacts)
    assert len(labels) == metrics + sum(bool(artifact.files) for artifact in manifest.artifacts)
    for graph in manifest.graphs:
        figures = sum(len(artifact.parity) for artifact in manifest.artifacts if artifact.graph == graph)
        assert f"All {figures} figures" in page.texts


def one_file(*margins_db: float) -> Manifest:
    """A manifest with one file, judged by its PSNR on as many cases as there are margins."""
    full = rich_manifest()
    artifact = next(a for a in full.artifacts if a.id == "deblur-tflite-fp32")
    rule = next(rule for rule in artifact.gates if rule.metric == "psnr_db")
    figures = tuple(
        dataclasses.replace(figure, value=rule.threshold + margin, margin=margin, passed=margin >= 0.0)
        for margin, figure in zip(margins_db, (f for f in artifact.parity if f.metric == "psnr_db"), strict=False)
    )
    alone = dataclasses.replace(artifact, parity=figures, gates=(rule,))
    return dataclasses.replace(full, artifacts=(alone,), pipelines=(), matrix=(), controls=())


def test_the_table_of_gates_tells_the_smallest_margin() -> None:
    one = one_file(30.0, 9.5, 14.0)
    page = section_page(parity(one))
    at = page.texts.index("smallest margin")
    gate, cases, precision, margin, where = page.texts[at + 2 : at + 7]
    assert gate == f"PSNR \u2265 {one.artifacts[0].gates[0].threshold:g}"
    assert (cases, precision, margin) == ("every case", "fp32", "9.5 dB")
    assert where == f"tflite-fp32, {CASES[1]}, LiteRT XNNPACK"


def test_a_missed_gate_is_told_in_bar_and_margin() -> None:
    page = section_page(parity(one_file(30.0, -5.5)))
    assert "-5.5 dB" in page.texts
    assert "value failed" in [attributes.get("class") for attributes in page.all("rect")]


def test_the_whole_chain_is_told(manifest: Manifest, page: Page) -> None:
    at = page.texts.index("Whole chain: from a photograph to the refocused picture, through three files")
    told = page.texts[at : page.texts.index("Pictures", at)]
    assert {"coreml-fp16", "executorch-coreml-fp16", "onnx-int8", "512x512"} <= set(told)
    assert told.count("passed") == len(manifest.pipelines)


def test_coverage_tells_shares_and_all_operators(page: Page) -> None:
    assert {"Neural Engine", "38 of 39", "75.0%", "gather x 1"} <= set(page.texts)
    assert "conv x 17, relu x 12, add x 9, gather x 1" in page.texts


def test_predictions_are_marked_and_have_sources(manifest: Manifest, page: Page) -> None:
    assert "prediction, not measurement" in page.text
    at = page.texts.index("ane-op")
    broken = sum(any(f.rule == "ane-op" for f in artifact.lint) for artifact in manifest.artifacts)
    assert page.texts[at : at + 5] == [
        "ane-op",
        "blocks",
        "the engine has no such operation",
        str(broken),
        str(3 * broken),
    ]
    sources = {finding.source.split(" ")[0] for artifact in manifest.artifacts for finding in artifact.lint}
    assert sources <= {attributes["href"] for attributes in page.all("a")}


def test_every_control_is_listed(page: Page) -> None:
    assert "2 of 3 were turned away." in page.text
    at = page.texts.index("identity")
    assert page.texts[at + 2 : at + 7] == ["deblur-tflite-fp32", "turned away", "residual, synthetic", "0", "60"]
    assert page.texts.count("not noticed") == 1


def cell(first: str, second: str, value: float | None, case: str = "photo", metric: str = "psnr_db") -> MatrixCell:
    graph = "deblur" if metric == "psnr_db" else "defocus"
    return MatrixCell(graph=graph, case=case, first=first, second=second, metric=metric, value=value)


def test_the_matrix_is_one_triangle_of_worst_cases(manifest: Manifest) -> None:
    cells = (
        cell("deblur-a (r)", "deblur-b (r)", 91.4),
        cell("deblur-a (r)", "deblur-b (r)", 54.6, "noise"),
        cell("deblur-a (r)", "deblur-c (r)", None),
        cell("a", "b", 0.0021, metric="mean_px"),
    )
    page = section_page(matrix(dataclasses.replace(manifest, matrix=cells)))
    titles = {t["title"]: t["class"] for t in page.all("td") if t.get("title")}
    assert titles == {
        "deblur-a (r) and deblur-b (r): 54.6 dB (noise)": "h3",
        "deblur-a (r) and deblur-c (r): equal (photo)": "h0",
        "a and b: 0.0021 px (photo)": "h1",
    }
    assert {"1 a (r)", "2 b (r)", "3 c (r)", "55", "=", "\u00b7", "2.1"} <= set(page.texts)
    assert matrix(dataclasses.replace(manifest, matrix=())) is None


def test_the_rich_matrix_has_each_pair_once(manifest: Manifest, page: Page) -> None:
    classes = Counter(attributes.get("class", "") for attributes in page.all("td"))
    assert sum(classes[f"h{step}"] for step in range(6)) == len(manifest.matrix) > 500


def test_pictures_are_of_files_near_their_gates(manifest: Manifest) -> None:
    size_px = (SIZES[0].height_px, SIZES[0].width_px)
    own = [artifact for artifact in manifest.artifacts if artifact.graph == "defocus"]
    chosen = choose(own, size_px)
    assert [a.precision for a in chosen[:-1]] == ["int8", "w8a8", "p6", "w8"]
    assert chosen[-1].precision in {"fp16", "fp32"}
    worst = min((a for a in own if a.precision == "int8"), key=least_margin)
    assert chosen[0].id == worst.id
    assert choose([dataclasses.replace(a, status="failed") for a in own], size_px) == []
    assert choose(own, (8, 8)) == []


def least_margin(artifact: Artifact) -> float:
    return min((f.margin or 0.0) / f.threshold for f in artifact.parity)


def test_the_small_export_has_pictures_and_ten_times_their_differences(small_export: Path, small_page: Page) -> None:
    manifest = Manifest.load(small_export)
    images = small_page.all("img")
    assert len(images) >= sum(len(graph.inputs) + 1 for graph in manifest.graphs.values())
    for attributes in images:
        assert pixels(attributes).shape[:2] == (64, 64)
    sharp = {a["alt"].split(":")[0]: pixels(a).astype(float) for a in images if a["alt"].endswith(": sharp")}
    start = small_page.texts.index("deblur", small_page.texts.index("Pictures"))
    assert "float model" in small_page.texts[start:]
    name = next(name for name in sharp if name.endswith("int8"))
    shown = [pixels(a).astype(float) for a in images if a["alt"].startswith(f"{name}, difference x10")]
    difference = np.clip(10.0 * np.abs(sharp[name] - sharp["float model"]), 0.0, 255.0)
    # Both pictures are rounded to whole levels, so ten times their difference is off by up to ten.
    assert min(np.abs(difference - other).max() for other in shown if other.shape == difference.shape) <= 11.0
    assert difference.max() > 0


def test_without_the_float_model_the_page_says_so(page: Page) -> None:
    assert "Not run: the checkpoint that the files were made from is not here" in page.text


def test_names_and_reasons_are_escaped(manifest: Manifest) -> None:
    bad = dataclasses.replace(manifest.artifacts[0], status="failed", reason="<script>alert('x')</script>")
    page = Page(render_page(dataclasses.replace(manifest, artifacts=(bad,), pipelines=()), Path(), None))
    assert "failed: <script>alert('x')</script>" in page.texts
    assert "script" not in {tag for tag, _ in page.tags}


def test_what_failed_has_a_link_to_its_log(manifest: Manifest, tmp_path: Path) -> None:
    bad = dataclasses.replace(manifest.artifacts[0], status="failed", reason="no")
    (tmp_path / "logs").mkdir()
    for name in (bad.id, "controls-deblur-onnx-int8"):
        (tmp_path / "logs" / f"{name}.log").write_text("")
    page = Page(render_page(dataclasses.replace(manifest, artifacts=(bad,), pipelines=()), tmp_path, None))
    links = [attributes["href"] for attributes in page.all("a") if attributes["href"].startswith("logs/")]
    assert links == [f"logs/{bad.id}.log", "logs/controls-deblur-onnx-int8.log"]


def test_pieces() -> None:
    macros: Any = environment().get_template("macros.html").module
    assert macros.status("failed", "a < b") == '<span class="failed">failed: a &lt; b</span>'
    assert '<rect class="value" y="2" width="50.00" height="6"/>' in macros.bar(bar(0.5, None, "half"))
    over = macros.bar(bar(2.0, 0.75, "over"))
    assert '<rect class="mark" x="74.70"' in over
    assert 'width="100.00"' in over
    assert macros.source_link(source_of("javascript:alert(1)")) == "javascript:alert(1)"
    told = macros.source_link(source_of("https://a.b/c file.cc"))
    assert told == '<a href="https://a.b/c" rel="noreferrer">a.b/c</a> file.cc'


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
