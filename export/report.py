"""A page to look at: report.html beside the files, in one piece, without anything from a network.

    python -m export.report DIR [--checkpoint F]

``export.all`` writes it. The checkpoint is needed for the pictures: it must be the one that DIR was made from.

Exit code: 0 the page was written, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.page import sections as sections
from export.page.controls import controls
from export.page.html import anchor, text
from export.page.matrix import matrix
from export.page.parity import parity
from export.page.pictures import pictures
from export.page.predictions import predictions
from export.staging import REPORT_FILE_NAME
from export.table import counts
from runtime.manifest.manifest import Manifest, sha256_of
from runtime.system.files import write_atomically
from train.checkpoint import Deployable, load_deployable
from train.weights import SHIPPED

STYLE_FILE = Path(__file__).parent / "page" / "report.css"
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
        ValueError: there is no export, a file of it is not the one described, or the page cannot be written.
    """
    manifest = Manifest.load(directory)
    path = directory / REPORT_FILE_NAME
    write_atomically(path, page(manifest, directory, networks).encode())
    return path


def page(manifest: Manifest, directory: Path, networks: Deployable | None) -> str:
    """The whole page."""
    parts = {
        "Files": sections.overview(manifest),
        "Parity": parity(manifest),
        "Pictures": pictures(manifest, directory, networks),
        "Across runtimes": matrix(manifest),
        "Coverage": sections.coverage(manifest),
        "Predictions": predictions(manifest),
        "Sizes": sections.sizes(manifest),
        "Tools": sections.tools(manifest),
        "Not run": sections.not_run(manifest),
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    parser = argparse.ArgumentParser(prog="python -m export.report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder that export.all wrote")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    arguments = parser.parse_args(argv)
    try:
        networks = networks_of(Manifest.load(arguments.directory), arguments.checkpoint)
        path = write_report(arguments.directory, networks)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if networks is None:
        print(f"no pictures: {arguments.checkpoint} is not what the files were made from", file=sys.stderr)
    print(f"wrote {path}")
    return 0


def _heading(manifest: Manifest) -> str:
    source = manifest.checkpoint
    return (
        f"<h1>Reblur export</h1>\n<p>{text(counts(manifest.artifacts))}. Made {text(manifest.created)} by Reblur "
        f"{text(manifest.reblur_version)} from <code>{text(source.name)}</code>, SHA-256 "
        f"<code>{text(source.sha256)}</code>. Licence of the weights: {text(manifest.license)}.</p>"
    )


if __name__ == "__main__":
    sys.exit(main())
