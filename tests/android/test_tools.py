"""The build without Gradle: what it packs, what it refuses, and what its lock file holds."""

from __future__ import annotations

import importlib
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.android.conftest import TOOLS

DEMO = TOOLS.parent
PAGE = 16 * 1024


@pytest.fixture(scope="module")
def alignment() -> Any:
    return importlib.import_module("alignment")


def library(segment_alignment: int, *, bits: int = 64) -> bytes:
    """The least of an ELF file that has one loadable segment."""
    header = bytearray(64)
    header[4] = 2 if bits == 64 else 1
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, 1)
    segment = bytearray(56)
    struct.pack_into("<I", segment, 0, 1)
    struct.pack_into("<Q", segment, 48, segment_alignment)
    return bytes(header + segment)


def packed(alignment: Any, folder: Path, so: bytes) -> Path:
    base = folder / "base.zip"
    with zipfile.ZipFile(base, "w") as archive:
        archive.writestr("odd.txt", "abc")
        archive.writestr("resources.arsc", b"12345")
    (folder / "lib.so").write_bytes(so)
    (folder / "m.tflite").write_bytes(b"model")
    apk = folder / "app.apk"
    alignment.write(apk, base, {"lib/arm64-v8a/libx.so": folder / "lib.so", "assets/m.tflite": folder / "m.tflite"})
    return apk


def test_libraries_start_at_pages_and_models_are_stored(alignment: Any, tmp_path: Path) -> None:
    apk = packed(alignment, tmp_path, library(PAGE))
    alignment.check(apk)
    with zipfile.ZipFile(apk) as archive:
        assert archive.testzip() is None
        assert archive.read("lib/arm64-v8a/libx.so") == library(PAGE)
        stored = {entry.filename for entry in archive.infolist() if entry.compress_type == zipfile.ZIP_STORED}
    assert stored == {"resources.arsc", "lib/arm64-v8a/libx.so", "assets/m.tflite"}


def test_a_library_for_small_pages_is_refused(alignment: Any, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="has a segment aligned to 4096 bytes, at least 16384 are needed"):
        alignment.check(packed(alignment, tmp_path, library(4096)))
    alignment.check(packed(alignment, tmp_path, library(4096, bits=32)))


def test_an_entry_off_its_boundary_is_refused(alignment: Any, tmp_path: Path) -> None:
    apk = tmp_path / "app.apk"
    with zipfile.ZipFile(apk, "w") as archive:
        archive.writestr("lib/arm64-v8a/libx.so", library(PAGE))
    with pytest.raises(Exception, match="no multiple of 16384"):
        alignment.check(apk)


def test_the_lock_names_artefacts_and_digests_and_no_server() -> None:
    lines = (DEMO / "locks" / "maven.lock").read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"\w+ +(compile|runtime|provided|test) +[0-9a-f]{64} [\w.:-]+", line), line


def test_gradle_and_the_build_without_it_read_one_catalogue() -> None:
    """Every version that the tables name by a word is in the catalogue; every script goes by it."""
    dependencies = importlib.import_module("dependencies")
    known = dependencies.VERSIONS
    for needed in (one for table in dependencies.CLASSPATHS.values() for one in table):
        assert needed.version in known or needed.version[0].isdigit(), needed
    for script in ("app/build.gradle.kts", "core/build.gradle.kts"):
        text = (DEMO / script).read_text()
        assert not re.search(r'"[\w.]+:[\w.-]+:\d', text), f"{script} names a version of its own"


def test_no_text_of_the_screens_is_written_twice() -> None:
    strings = re.findall(r'<string name="(\w+)"', (DEMO / "app/src/main/res/values/strings.xml").read_text())
    assert len(strings) == len(set(strings))
    code = "".join(path.read_text() for path in (DEMO / "app/src/main/kotlin").rglob("*.kt"))
    manifest = (DEMO / "app/src/main/AndroidManifest.xml").read_text()
    unused = [name for name in strings if f"R.string.{name}" not in code and f"@string/{name}" not in manifest]
    assert unused == []
