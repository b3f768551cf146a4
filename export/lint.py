"""What keeps a saved file off the accelerators of phones and browsers, by rules: a prediction, not a measurement.

    python -m export.lint artifacts/deblur_fp16.mlpackage artifacts/deblur_int8.tflite

Where an operator really runs is decided on the device, by its system and its drivers. Each rule says why, and where
that is written down. The table is ``export.analysis.rules``; a rule looks at one operator.

Exit code: 0 all files were read, whatever was found, 2 wrong use or one cannot be read, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.command_line import add_json, command_parser, print_json, run_command

MODULE = "export.lint"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 all files were read, whatever was found, 2 wrong use or one cannot be read, 130 interrupted"
    example = "artifacts/deblur_fp16.mlpackage artifacts/deblur_int8.tflite"
    parser = command_parser(MODULE, prog, example=example, exit_codes=codes)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".mlpackage, .onnx, .pte or .tflite")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Print the findings for the files named.

    Raises:
        ReblurError: one is of another kind, or damaged.
    """
    from export.analysis.findings import PREDICTION, lint_findings
    from export.formats.table import read_graph
    from runtime.manifest.json_codec import to_json

    found = []
    for path in arguments.files:
        findings = lint_findings(read_graph(path))
        found.append({"path": str(path), "findings": to_json(findings)})
        if arguments.json:
            continue
        print(f"{path} ({PREDICTION})")
        for finding in findings:
            kinds = ", ".join(finding.operators[:4]) + (", ..." if len(finding.operators) > 4 else "")
            print(f"  {finding.unit:13} {finding.effect:6} {finding.rule}: {finding.count} x {kinds}: {finding.why}")
    if arguments.json:
        print_json({"note": PREDICTION, "files": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
