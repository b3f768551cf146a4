"""Tests an export on this machine: every file of a back end, against the golden vectors that come with it.

    python -m runtime.selftest artifacts --backend tflite

What an application does on a phone before it trusts a file, and no more than a phone has is needed. TFLite files are
run by the first interpreter that is installed, or the one that REBLUR_TFLITE names: see ``runtime.backends.tflite``.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.backends import OPENERS, open_artifact
from runtime.backends.tflite import interpreter_name
from runtime.manifest.golden_records import GoldenCase
from runtime.manifest.golden_vectors import misses, read_input
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES, Artifact
from runtime.system.errors import ReblurError, reason_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    try:
        manifest = Manifest.load(arguments.directory)
        artifacts = artifacts_of(manifest, arguments.backend, arguments.precision)
        failures = 0
        if arguments.backend == "tflite":
            print(f"interpreter: {interpreter_name()}", flush=True)
        for artifact in artifacts:
            problem = try_artifact(artifact, manifest, arguments.directory, arguments.threads)
            count = len(manifest.golden_of(artifact))
            print(f"{artifact.id}: {f'failed: {problem}' if problem else f'passed on {count} cases'}", flush=True)
            failures += bool(problem)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ReblurError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if failures else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m runtime.selftest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder that `make export` wrote")
    parser.add_argument("--backend", default="tflite", help=f"{', '.join(OPENERS)}; default: %(default)s")
    parser.add_argument("--precision", metavar="P", help="only files of this precision, for example int8")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    return parser.parse_args(argv)


def artifacts_of(manifest: Manifest, backend: str, precision: str | None = None) -> list[Artifact]:
    """The artefacts of a back end that were made.

    Raises:
        ReblurError: there is no such back end, or nothing of it (in this precision) in the manifest.
    """
    if backend not in OPENERS:
        raise ReblurError(f"no back end {backend!r}: choose from {', '.join(OPENERS)}")
    made = [a for a in manifest.artifacts if a.status != "not run" and a.delegate in CPU_DELEGATES]
    found = [a for a in made if a.format == backend and precision in (None, a.precision)]
    if not found:
        there = ", ".join(dict.fromkeys(f"{a.format} {a.precision}" for a in made)) or "none"
        raise ReblurError(f"no files for {' '.join(filter(None, (backend, precision)))}: there are {there}")
    return found


def try_artifact(artifact: Artifact, manifest: Manifest, directory: Path, num_threads: int | None = None) -> str:
    """Load an artefact and run it on the golden cases of its graph; what is wrong with it, empty where nothing is."""
    cases = manifest.golden_of(artifact)
    if not cases:
        return f"there is no golden case for {artifact.graph}"
    try:
        runner = open_artifact(artifact, directory, num_threads)
        for case in cases:
            results = runner.run(_inputs(case, directory, artifact.size_px))
            if found := misses(case, artifact.precision, results, directory):
                return f"on {case.case}, {' and '.join(found)}"
    except Exception as error:  # an interpreter may raise anything, and each file is one line
        return reason_of(error)
    return ""


def _inputs(case: GoldenCase, directory: Path, size_px: tuple[int, int]) -> dict:
    return {tensor.name: read_input(tensor, directory, size_px) for tensor in case.inputs}


if __name__ == "__main__":
    sys.exit(main())
