"""Checks an export again: every file, its digest, and its results on the golden vectors.

    python -m export.verify DIR [--ignore-digests] [--json]

``--ignore-digests`` leaves the numeric gates alone to find what is wrong with a file, which shows that they can.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from export.check import check_artifact, failed
from export.golden import Case
from export.golden_files import load_case
from export.interrupts import Interrupts
from export.progress import Progress
from export.table import counts, summary, table
from runtime.manifest import Manifest, check_files
from runtime.schema import Artifact


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    started = time.monotonic()
    try:
        with Interrupts() as interrupts:
            manifest = Manifest.load(arguments.directory)
            checked = verify(manifest, arguments.directory, interrupts, check_digests=not arguments.ignore_digests)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    seconds = time.monotonic() - started
    if arguments.json:
        facts = summary(checked, directory=str(arguments.directory), seconds=round(seconds, 1))
        print(json.dumps(facts, indent=2, allow_nan=False))
    else:
        print(f"{table(checked)}\n\n{counts(checked)} in {seconds:.0f} s")
    return 1 if any(artifact.status == "failed" for artifact in checked) else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder that export.all wrote")
    parser.add_argument("--ignore-digests", action="store_true", help="do not compare the files' SHA-256")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON instead of the table")
    return parser.parse_args(argv)


def verify(
    manifest: Manifest, directory: Path, interrupts: Interrupts, *, check_digests: bool = True
) -> list[Artifact]:
    """Check every artefact of a manifest.

    Args:
        manifest: of the folder.
        directory: the folder.
        interrupts: checked after each artefact.
        check_digests: whether files must also be the very ones described; their sizes must be in any case.

    Returns:
        The artefacts with the outcome of today; one that was not made stays as it is in the manifest.
    """
    checked = []
    with Progress(len(manifest.artifacts)) as progress:
        for artifact in manifest.artifacts:
            progress.start(f"{artifact.graph} {artifact.format} {artifact.precision}: check")
            checked.append(_verify_one(artifact, manifest, directory, check_digests))
            interrupts.check()
            progress.finish()
    return checked


def _verify_one(artifact: Artifact, manifest: Manifest, directory: Path, check_digests: bool) -> Artifact:
    if artifact.status == "not run":
        return artifact
    try:
        if check_digests:
            check_files(artifact, directory)
        _check_sizes(artifact, directory)
        cases = _cases_of(artifact.graph, manifest, directory, check_digests)
    except (ValueError, OSError) as error:
        return failed(artifact, error)
    return check_artifact(artifact, directory, cases)


def _check_sizes(artifact: Artifact, directory: Path) -> None:
    """Every file is there and whole; interpreters may crash on half a file."""
    for file in artifact.files:
        path = directory / file.path
        size = path.stat().st_size if path.is_file() else None
        if size != file.bytes:
            found = "is missing" if size is None else f"has {size} bytes"
            raise ValueError(f"{path} {found}, the manifest says {file.bytes} bytes: run `make export` again")


def _cases_of(graph: str, manifest: Manifest, directory: Path, check_digests: bool) -> list[Case]:
    size_px = (manifest.height_px, manifest.width_px)
    golden = [case for case in manifest.golden if case.graph == graph]
    return [load_case(case, directory, size_px, check_digests=check_digests) for case in golden]


if __name__ == "__main__":
    sys.exit(main())
