"""A page to look at: report.html beside the files, in one piece, without anything from a network."""

from __future__ import annotations

from pathlib import Path

from export.execution.logs import find_logs
from export.execution.output_folder import REPORT_FILE_NAME
from export.reporting import sections
from export.reporting.controls import controls
from export.reporting.html import anchor, text
from export.reporting.matrix import matrix
from export.reporting.parity import parity
from export.reporting.pictures import pictures
from export.reporting.predictions import predictions
from export.reporting.text import counts
from runtime.manifest.manifest import Manifest
from runtime.system.files import sha256_of, write_atomically
from train.checkpoint import Deployable, load_deployable

STYLE_FILE = Path(__file__).with_name("report.css")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reblur export</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


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
    parts = {
        "Files": sections.overview(manifest, logs),
        "Parity": parity(manifest),
        "Pictures": pictures(manifest, directory, networks),
        "Across runtimes": matrix(manifest),
        "Coverage": sections.coverage(manifest),
        "Predictions": predictions(manifest),
        "Sizes": sections.sizes(manifest),
        "Tools": sections.tools(manifest),
        "Not run": sections.not_run(manifest, logs),
        "Negative controls": controls(manifest),
    }
    there = {title: part for title, part in parts.items() if part}
    links = " ".join(f'<a href="#{anchor(title)}">{text(title)}</a>' for title in there)
    style = STYLE_FILE.read_text(encoding="utf-8")
    body = "\n".join([_heading(manifest), f"<nav>{links}</nav>", *there.values()])
    return PAGE.format(style=style, body=body)


def networks_of(manifest: Manifest, checkpoint: Path) -> Deployable | None:
    """The float model that an export was made from, or None where ``checkpoint`` is another one or not there."""
    if not checkpoint.is_file() or sha256_of(checkpoint) != manifest.checkpoint.sha256:
        return None
    return load_deployable(checkpoint)


def _heading(manifest: Manifest) -> str:
    source = manifest.checkpoint
    return (
        f"<h1>Reblur export</h1>\n<p>{text(counts(manifest.artifacts))}. Made {text(manifest.created)} by Reblur "
        f"{text(manifest.reblur_version)} from <code>{text(source.name)}</code>, SHA-256 "
        f"<code>{text(source.sha256)}</code>. Licence of the weights: {text(manifest.license)}.</p>"
    )
