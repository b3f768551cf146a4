"""What keeps a saved file from running on a phone's accelerators, by rules: a prediction, not a measurement.

    python -m export.lint artifacts/deblur_fp16.mlpackage artifacts/deblur_int8.tflite

Where an operator really runs is decided on the phone, by its system and its drivers. Each rule says why, and where
that is written down. The table is ``export.lint_rules``; a rule looks at one operator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.lint_rules import RULES, Effect, Unit
from export.op_nodes import OpNode, mil_nodes, tflite_nodes

PREDICTION = "prediction, not measurement"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that some operators of a file break."""

    rule: str
    unit: Unit
    effect: Effect
    count: int
    """Operators that break it."""
    operators: tuple[str, ...]
    """Their kinds."""
    first: str
    """Output of the first one."""
    why: str
    source: str


UNITS: dict[str, tuple[Unit, ...]] = {".mlpackage": ("Neural Engine",), ".tflite": ("GPU delegate", "NNAPI")}
"""Suffix of a file -> what it may run on."""

READERS: dict[str, Callable[[Path], tuple[OpNode, ...]]] = {".mlpackage": mil_nodes, ".tflite": tflite_nodes}


def lint(path: Path) -> tuple[Finding, ...]:
    """What the rules say about a saved file, for every processor that may run it.

    Raises:
        ValueError: the file is of another kind, or damaged.
    """
    nodes = read_nodes(path)
    return tuple(finding for unit in UNITS[path.suffix] for finding in lint_nodes(nodes, unit))


def read_nodes(path: Path) -> tuple[OpNode, ...]:
    """The operators of a saved file.

    Raises:
        ValueError: the file is of another kind, or damaged.
    """
    if path.suffix not in READERS:
        raise ValueError(f"cannot lint {path}: expected a file ending in {' or '.join(READERS)}")
    return READERS[path.suffix](path)


def lint_nodes(nodes: Iterable[OpNode], unit: Unit) -> list[Finding]:
    """The rules of one processor that some of ``nodes`` break, in the order of the table."""
    nodes = tuple(nodes)
    findings = []
    for rule in RULES:
        broken = [node for node in nodes if rule.breaks(node)] if rule.unit == unit else []
        if broken:
            kinds = tuple(dict.fromkeys(node.op for node in broken))
            findings.append(
                Finding(
                    rule=rule.name, unit=unit, effect=rule.effect, count=len(broken), operators=kinds,
                    first=broken[0].output, why=rule.why, source=rule.source,
                )
            )  # fmt: skip
    return findings


def is_taken(node: OpNode, unit: Unit) -> bool:
    """Whether no rule keeps the operator off this processor."""
    return not any(rule.unit == unit and rule.effect == "blocks" and rule.breaks(node) for rule in RULES)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the findings for the files named; 2 where one cannot be read."""
    paths = [Path(name) for name in (sys.argv[1:] if argv is None else argv)]
    if not paths:
        print("error: name at least one .mlpackage or .tflite", file=sys.stderr)
        return 2
    for path in paths:
        try:
            findings = lint(path)
        except (ValueError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(f"{path} ({PREDICTION})")
        for finding in findings:
            kinds = ", ".join(finding.operators[:4]) + (", ..." if len(finding.operators) > 4 else "")
            print(f"  {finding.unit:13} {finding.effect:6} {finding.rule}: {finding.count} x {kinds}: {finding.why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
