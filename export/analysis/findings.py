"""What keeps a saved file off the accelerators of phones and browsers, by rules: a prediction, not a measurement.

Where an operator really runs is decided on the device, by its system and its drivers. Each rule says why, and where
that is written down. The table is ``export.analysis.rules``; a rule looks at one operator.
"""

from __future__ import annotations

from collections.abc import Iterable

from export.analysis.operators import OpNode, SavedGraph, Unit
from export.analysis.rules import RULES
from runtime.manifest.check_records import LintFinding

PREDICTION = "prediction, not measurement"


def lint_findings(graph: SavedGraph) -> tuple[LintFinding, ...]:
    """What the rules say about a saved file, for every processor that may run it."""
    return tuple(finding for unit in graph.units for finding in lint_nodes(graph.operators, unit))


def lint_nodes(nodes: Iterable[OpNode], unit: Unit) -> list[LintFinding]:
    """The rules of one processor that some of ``nodes`` break, in the order of the table."""
    nodes = tuple(nodes)
    findings = []
    for rule in RULES:
        broken = [node for node in nodes if rule.breaks(node)] if rule.unit == unit else []
        if broken:
            findings.append(
                LintFinding(
                    rule=rule.name,
                    unit=unit,
                    effect=rule.effect,
                    count=len(broken),
                    operators=tuple(dict.fromkeys(node.op for node in broken)),
                    why=rule.why,
                    source=rule.source,
                )
            )
    return findings


def is_taken(node: OpNode, unit: Unit) -> bool:
    """Whether no rule keeps the operator off this processor."""
    return not any(rule.unit == unit and rule.effect == "blocks" and rule.breaks(node) for rule in RULES)
