"""The report's lint findings: what may keep a file off a phone's processor, by rules."""

from __future__ import annotations

from collections.abc import Iterable

from export.analysis.findings import PREDICTION
from export.reporting.html import group, link, section, table, text
from runtime.manifest.check_records import LintFinding
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact

EFFECTS = ("blocks", "slows", "note")
"""What a broken rule does, the worst first."""
EFFECT_CLASS = {"blocks": "failed", "slows": "not-run"}

Found = tuple[Artifact, LintFinding]


def predictions(manifest: Manifest) -> str:
    """One row for each rule that any file breaks, processor by processor; empty where nobody looked."""
    found = [(artifact, finding) for artifact in manifest.artifacts for finding in artifact.lint]
    if not found:
        return ""
    parts: list[str] = []
    for unit in dict.fromkeys(finding.unit for _, finding in found):
        own = [pair for pair in found if pair[1].unit == unit]
        rules = sorted(dict.fromkeys(f.rule for _, f in own), key=lambda rule: _severity(rule, own))
        rows = [_row([pair for pair in own if pair[1].rule == rule]) for rule in rules]
        headings = ("rule", "effect", "what it says", "files", "operators", "source")
        content = table(headings, rows, numbers=(3, 4)) + group("File by file", _by_file(own))
        parts.append(group(f"{unit}: {len(rows)} rule{'' if len(rows) == 1 else 's'}", content, is_open=not parts))
    note = (
        f"A {PREDICTION}: where an operator really runs is decided on the device. blocks: it runs elsewhere; slows: it "
        "runs, at a cost; note: what to know."
    )
    return section("Predictions", note, "\n".join(parts))


def _row(pairs: list[Found]) -> tuple[str, ...]:
    finding = pairs[0][1]
    return (
        text(finding.rule),
        f'<span class="{EFFECT_CLASS.get(finding.effect, "soft")}">{text(finding.effect)}</span>',
        text(finding.why),
        str(len(pairs)),
        str(sum(f.count for _, f in pairs)),
        link(finding.source),
    )


def _by_file(pairs: Iterable[Found]) -> str:
    rows = [
        (text(artifact.id), text(finding.rule), str(finding.count), text(", ".join(finding.operators)))
        for artifact, finding in pairs
    ]
    return table(("file", "rule", "operators", "their kinds"), rows, numbers=(2,))


def _severity(rule: str, pairs: Iterable[Found]) -> int:
    effect = next(finding.effect for _, finding in pairs if finding.rule == rule)
    return EFFECTS.index(effect) if effect in EFFECTS else len(EFFECTS)
