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

from runtime.system.command_line import add_json, add_threads, command_parser, print_json, run_command

MODULE = "runtime.selftest"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 nothing failed, 1 something failed, 2 wrong use or no export there, 130 interrupted"
    parser = command_parser(MODULE, prog, example="artifacts --backend onnx --precision int8", exit_codes=codes)
    add = parser.add_argument
    add("directory", type=Path, metavar="FOLDER", help="that an export wrote")
    add("--backend", default="tflite", help="tflite, executorch, coreml or onnx; default: %(default)s")
    add("--precision", metavar="P", help="only files of this precision, for example int8")
    add_threads(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Try every file, and print a line for each as soon as it is known.

    Raises:
        ReblurError: there is no export, or nothing of this back end and precision in it.
    """
    from runtime.backends.self_test import artifacts_of, try_artifact
    from runtime.backends.tflite import interpreter_name
    from runtime.manifest.manifest import Manifest

    manifest = Manifest.load(arguments.directory, with_checks=False)
    artifacts = artifacts_of(manifest, arguments.backend, arguments.precision)
    interpreter = interpreter_name() if arguments.backend == "tflite" else None
    if interpreter and not arguments.json:
        print(f"interpreter: {interpreter}", flush=True)
    rows = []
    for artifact in artifacts:
        problem = try_artifact(artifact, manifest, arguments.directory, arguments.threads)
        count = len(manifest.golden_of(artifact))
        rows.append({"id": artifact.id, "status": "failed" if problem else "passed", "reason": problem, "cases": count})
        if not arguments.json:
            print(f"{artifact.id}: {f'failed: {problem}' if problem else f'passed on {count} cases'}", flush=True)
    if arguments.json:
        print_json({"backend": arguments.backend, "interpreter": interpreter, "artifacts": rows})
    return 1 if any(row["reason"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
