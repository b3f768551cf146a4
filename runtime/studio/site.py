"""What the page needs of an export, and page and export together as a folder for any host of static files."""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime.manifest.manifest import FILE_NAME, Manifest
from runtime.system.errors import ReblurError

ARTIFACTS = "artifacts"
"""Beside the page: where it looks for the export."""


def checked_sources(page: Path, artifacts: Path) -> frozenset[str]:
    """What of an export the page may have: the manifest, the TFLite files and the golden vectors.

    Args:
        page: folder with the built page.
        artifacts: folder of an export.

    Raises:
        ReblurError: there is no page, or no export with TFLite files.
    """
    if not (page / "index.html").is_file():
        raise ReblurError(f"no page in {page}: run `make studio-page` first, which needs Node")
    manifest = Manifest.load(artifacts, with_checks=False)
    manifest.pipeline("tflite")
    files = {file.path for a in manifest.artifacts if a.format == "tflite" for file in a.files}
    golden = {tensor.path for case in manifest.golden for tensor in case.inputs}
    golden |= {tensor.path for case in manifest.golden for tensor in case.outputs}
    chain = {tensor.path for tensor in (manifest.golden_chain.tensors if manifest.golden_chain else ())}
    return frozenset({FILE_NAME} | files | golden | chain)


def write_site(page: Path, artifacts: Path, site: Path) -> int:
    """Write the static page; all its addresses are relative. An earlier one is replaced.

    Returns:
        How many files it has.

    Raises:
        ReblurError: see ``checked_sources``; or the folder holds something else.
    """
    names = checked_sources(page, artifacts)
    if site.exists() and any(site.iterdir()) and not (site / "sw.js").is_file():
        raise ReblurError(f"{site} holds something that is no studio page: choose a new folder")
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(page, site)
    for name in sorted(names):
        target = site / ARTIFACTS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifacts / name, target)
    return sum(path.is_file() for path in site.rglob("*"))
