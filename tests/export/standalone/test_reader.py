"""The manifest is enough: a reader that imports nothing of ours does what the runtime does."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.metrics import psnr_db
from runtime.photos.photo import read_photo
from runtime.refocusing.pipeline import RefocusPipeline
from tests.export.standalone import reader as standalone
from tests.export.standalone.reader import Reader

FOCUS_XY, F_NUMBER = (0.3, 0.6), 1.2
LEAST_DB = 60.0


@pytest.fixture(scope="module")
def reader(small_export: Path) -> Reader:
    return Reader(small_export, "fp32")


def test_it_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(standalone.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).split(".")[0] for name in imported} & {"runtime", "export", "train", "benchmarks"} == set()


def test_a_photograph_comes_out_as_the_runtime_has_it(reader: Reader, small_export: Path, tmp_path: Path) -> None:
    """Of an odd aspect, smaller than a tile, and turned by its EXIF."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)).resize(
        (60, 44), Image.Resampling.BICUBIC
    )
    exif = Image.Exif()
    exif[274] = 6
    coarse.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    pipeline = RefocusPipeline.open(small_export, "tflite", "fp32")
    pipeline.analyse(read_photo(tmp_path / "photo.jpg"))
    expected = pipeline.refocus(FOCUS_XY, F_NUMBER)
    found = reader.refocus(reader.read(tmp_path / "photo.jpg"), FOCUS_XY, F_NUMBER)[0].transpose(1, 2, 0)
    assert found.shape == expected.shape == (60, 44, 3)
    assert psnr_db(found, expected) >= LEAST_DB


def test_a_large_photograph_is_made_smaller_alike(reader: Reader, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (1365, 2051, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    from runtime.photos.photo import resize
    from runtime.refocusing.working_size import working_size

    rgb = read_photo(tmp_path / "photo.png").rgb
    expected = resize(rgb, *working_size(1365, 2051, reader.manifest["resize"]["long_side_px"]))
    np.testing.assert_allclose(reader.read(tmp_path / "photo.png")[0].transpose(1, 2, 0), expected, atol=1e-6)


def test_every_golden_vector_is_met_step_by_step(reader: Reader) -> None:
    chain = reader.manifest["golden_chain"]
    photo = reader.golden(chain["photo"])
    sigma, defocus, target = (
        reader.golden(chain[name])[0, 0] for name in ("sigma_px", "defocus_px", "target_sigma_px")
    )
    tolerance = chain["map_tolerance_px"]
    assert np.abs(reader.smooth(sigma, photo) - defocus).max() <= tolerance
    assert (
        np.abs(reader.target(defocus, photo, tuple(chain["focus_xy"]), chain["f_number"]) - target).max() <= tolerance
    )
    stride = chain["refocused"]["stride_px"]
    found = reader.refocus(photo, tuple(chain["focus_xy"]), chain["f_number"])[..., ::stride, ::stride]
    error = float(np.sqrt(np.mean((found - reader.golden(chain["refocused"])) ** 2)))
    (rule,) = chain["tolerances"]["fp32"]
    assert rule["statistic"] == "rms"
    assert error <= rule["at_most"]


def test_the_manifest_is_small(small_export: Path) -> None:
    """That of all formats at one size."""
    assert (small_export / "manifest.json").stat().st_size < 100_000


def test_what_a_later_version_adds_is_passed_over(small_export: Path, tmp_path: Path) -> None:
    from runtime.manifest.manifest import Manifest

    content = json.loads((small_export / "manifest.json").read_text())
    content |= {"schema_minor": 7, "news": {"a": 1}}
    content["artifacts"][0]["news"] = [1]
    content["checks"] = None
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert Manifest.load(tmp_path).schema_minor == 7
    content["schema_version"] = 6
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has schema version 6, expected 5"):
        Manifest.load(tmp_path)
