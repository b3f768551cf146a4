"""The report's appendix: files that were broken on purpose, and what turned each of them away."""

from __future__ import annotations

import re
from dataclasses import dataclass

from export.reporting.names import metric_name
from export.reporting.rendering import Section
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Row:
    """One broken file."""

    control: str
    description: str
    file: str
    caught: bool
    by: str
    figure: str
    gate: str


def controls(manifest: Manifest) -> Section | None:
    """One row for each broken file; None where nobody tried."""
    if not manifest.controls:
        return None
    caught = sum(control.caught for control in manifest.controls)
    note = (
        "Gates that let everything through prove nothing: each of these files was broken on purpose, then checked like "
        f"any other. {caught} of {len(manifest.controls)} were turned away."
    )
    rows = [_row(control) for control in manifest.controls]
    return Section(title="Negative controls", note=note, template="controls.html", content=rows)


def _row(control: NegativeControl) -> Row:
    return Row(
        control=control.name,
        description=control.description,
        file=control.artifact,
        caught=control.caught,
        by=re.sub(r"^\w+", lambda found: metric_name(found[0]), control.by) or "-",
        figure="-" if control.value is None else f"{control.value:.3g}",
        gate="-" if control.threshold is None else f"{control.threshold:.3g}",
    )
