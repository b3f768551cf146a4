"""The report's lint findings: what may keep a file off a phone's processor, by rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from export.analysis.findings import PREDICTION
from export.reporting.rendering import Section
from runtime.manifest.check_records import LintFinding
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact

EFFECTS = ("blocks", "slows", "note")
"""What a broken rule does, the worst first."""
EFFECT_CLASS = {"blocks": "failed", "slows": "not-run"}

Found = tuple[Artifact, LintFinding]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a rule is written down."""

    address: str
    """What a reader may follow; empty where that is no web page."""
    shown: str
    """The address without its scheme."""
    words: str
    """What stands after it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that files break."""

    rule: str
    effect: str
    effect_class: str
    why: str
    files: int
    operators: int
    source: Source


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A rule that one file breaks."""

    file: str
    rule: str
    count: int
    kinds: str


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is said of one processor."""

    title: str
    rules: list[Rule]
    files: list[Broken]


def predictions(manifest: Manifest) -> Section | None:
    """One row for each rule that any file breaks, processor by processor; None where nobody looked."""
    found = [(artifact, finding) for artifact in manifest.artifacts for finding in artifact.lint]
    if not found:
        return None
    note = (
        f"A {PREDICTION}: where an operator really runs is decided on the device. blocks: it runs elsewhere; slows: it "
        "runs, at a cost; note: what to know."
    )
    units = [
        _unit(unit, [pair for pair in found if pair[1].unit == unit])
        for unit in dict.fromkeys(finding.unit for _, finding in found)
    ]
    return Section(title="Predictions", note=note, template="predictions.html", content=units)


def source_of(written: str) -> Source:
    """An address and the words after it; what is no https address is words alone."""
    target, _, more = written.partition(" ")
    if not target.startswith("https://"):
        return Source(address="", shown="", words=written)
    return Source(address=target, shown=target.removeprefix("https://"), words=f" {more}" if more else "")


def _unit(name: str, own: list[Found]) -> Unit:
    rules = sorted(dict.fromkeys(f.rule for _, f in own), key=lambda rule: _severity(rule, own))
    return Unit(
        title=f"{name}: {len(rules)} rule{'' if len(rules) == 1 else 's'}",
        rules=[_rule([pair for pair in own if pair[1].rule == rule]) for rule in rules],
        files=[
            Broken(file=artifact.id, rule=finding.rule, count=finding.count, kinds=", ".join(finding.operators))
            for artifact, finding in own
        ],
    )


def _rule(pairs: list[Found]) -> Rule:
    finding = pairs[0][1]
    return Rule(
        rule=finding.rule,
        effect=finding.effect,
        effect_class=EFFECT_CLASS.get(finding.effect, "soft"),
        why=finding.why,
        files=len(pairs),
        operators=sum(f.count for _, f in pairs),
        source=source_of(finding.source),
    )


def _severity(rule: str, pairs: Iterable[Found]) -> int:
    effect = next(finding.effect for _, finding in pairs if finding.rule == rule)
    return EFFECTS.index(effect) if effect in EFFECTS else len(EFFECTS)
