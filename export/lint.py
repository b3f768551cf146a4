"""What keeps a saved file off the accelerators of phones and browsers, by rules: a prediction, not a measurement.

    python -m export.lint artifacts/deblur_fp16.mlpackage artifacts/deblur_int8.tflite

Where an operator really runs is decided on the device, by its system and its drivers. Each rule says why, and where
that is written down. The table is ``export.analysis.rules``; a rule looks at one operator.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from export.analysis.findings import PREDICTION, lint_findings
from export.formats.table import read_graph
from runtime.system.errors import ReblurError


def main(argv: Sequence[str] | None = None) -> int:
    """Print the findings for the files named; 2 where one cannot be read."""
    paths = [Path(name) for name in (sys.argv[1:] if argv is None else argv)]
    if not paths:
        print("error: name at least one .mlpackage, .onnx, .pte or .tflite", file=sys.stderr)
        return 2
    for path in paths:
        try:
            findings = lint_findings(read_graph(path))
        except (ReblurError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(f"{path} ({PREDICTION})")
        for finding in findings:
            kinds = ", ".join(finding.operators[:4]) + (", ..." if len(finding.operators) > 4 else "")
            print(f"  {finding.unit:13} {finding.effect:6} {finding.rule}: {finding.count} x {kinds}: {finding.why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
