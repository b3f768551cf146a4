"""The report's appendix: files that were broken on purpose, and what turned each of them away."""

from __future__ import annotations

import re

from export.reporting.html import section, table, text
from export.reporting.names import metric_name
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.manifest import Manifest


def controls(manifest: Manifest) -> str:
    """One row for each broken file; empty where nobody tried."""
    if not manifest.controls:
        return ""
    caught = sum(control.caught for control in manifest.controls)
    note = (
        "Gates that let everything through prove nothing: each of these files was broken on purpose, then checked like "
        f"any other. {caught} of {len(manifest.controls)} were turned away."
    )
    headings = ("control", "what was done", "file", "result", "by", "figure", "gate")
    return section("Negative controls", note, table(headings, [_row(c) for c in manifest.controls], numbers=(5, 6)))


def _row(control: NegativeControl) -> tuple[str, ...]:
    mark, words = ("passed", "turned away") if control.caught else ("failed", "not noticed")
    by = re.sub(r"^\w+", lambda found: metric_name(found[0]), control.by)
    return (
        text(control.name),
        text(control.description),
        text(control.artifact),
        f'<span class="{mark}">{words}</span>',
        text(by) or "-",
        "-" if control.value is None else f"{control.value:.3g}",
        "-" if control.threshold is None else f"{control.threshold:.3g}",
    )
