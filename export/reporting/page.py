"""A page to look at: report.html beside the files, in one piece, without anything from a network."""

from __future__ import annotations

from pathlib import Path

from export.execution.logs import find_logs
from export.execution.output_folder import REPORT_FILE_NAME
from export.reporting import sections
from export.reporting.controls import controls
from export.reporting.matrix import matrix
from export.reporting.parity import parity
from export.reporting.pictures import pictures
from export.reporting.predictions import predictions
from export.reporting.rendering import Heading, render_page
from export.reporting.text import counts
from runtime.manifest.manifest import Manifest
from runtime.system.files import sha256_of, write_atomically
from train.checkpoint import Deployable, load_deployable


def write_report(directory: Path, networks: Deployable | None) -> Path:
    """Write report.html into an export's folder, and say where it is.

    Args:
        directory: with manifest.json and all that it lists.
        networks: the float model that the files were made from; None leaves out the pictures.

    Raises:
        ReblurError: there is no export, a file of it is not the one described, or the page cannot be written.
    """
    manifest = Manifest.load(directory)
    path = directory / REPORT_FILE_NAME
    write_atomically(path, page(manifest, directory, networks).encode())
    return path


def page(manifest: Manifest, directory: Path, networks: Deployable | None) -> str:
    """The whole page."""
    logs = find_logs(directory)
    parts = [
        sections.files(manifest, logs),
        parity(manifest),
        pictures(manifest, directory, networks),
        matrix(manifest),
        sections.coverage(manifest),
        predictions(manifest),
        sections.sizes(manifest),
        sections.tools(manifest),
        sections.not_run(manifest, logs),
        controls(manifest),
    ]
    heading = Heading(
        counts=counts(manifest.artifacts),
        created=manifest.created,
        reblur_version=manifest.reblur_version,
        checkpoint=manifest.checkpoint.name,
        sha256=manifest.checkpoint.sha256,
        license=manifest.license,
    )
    return render_page(heading, [part for part in parts if part])


def networks_of(manifest: Manifest, checkpoint: Path) -> Deployable | None:
    """The float model that an export was made from, or None where ``checkpoint`` is another one or not there."""
    if not checkpoint.is_file() or sha256_of(checkpoint) != manifest.checkpoint.sha256:
        return None
    return load_deployable(checkpoint)
