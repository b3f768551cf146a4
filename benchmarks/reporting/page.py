"""The page and the Markdown: the same tables, device by device; samples are never shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring.rows import Device, Row, latest
from benchmarks.reporting import tables
from benchmarks.reporting.headline import headline
from benchmarks.reporting.plots import PLOTS
from benchmarks.reporting.regression import Change

TEMPLATES = Path(__file__).with_name("templates")
NUMBER = re.compile(r"^[+-]?[\d,.]+(e-?\d+)?%?$|^-$")


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """All that is known of one device."""

    device: Device
    rows: Sequence[Row]
    tables: Sequence[tables.Table]

    @property
    def title(self) -> str:
        """For people."""
        kind = "" if self.device.kind in ("desktop", "phone") else f"{self.device.kind}: "
        return f"{kind}{self.device.soc or self.device.name}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What a figure must be read with."""
        device, app = self.device, self.rows[-1].app
        runtimes = sorted(
            {f"{r.engine.runtime} {r.engine.runtime_version or ''}".strip() for r in self.rows if r.status == "ok"}
        )
        loads = [r.conditions.load_before for r in self.rows if r.conditions.load_before is not None]
        found = [
            ("device", device.name),
            ("cores", str(device.cores or "unknown")),
            ("memory", f"{device.memory_mib / 1024:.0f} GiB" if device.memory_mib else "unknown"),
            ("system", f"{device.os} {device.os_version or ''}".strip()),
            ("program", f"{app.name} {app.version}, {app.build_type}"),
            ("rows", f"{len(self.rows)} of {len({r.run_id for r in self.rows})} run(s)"),
            ("measured", f"{min(r.measured_at for r in self.rows)[:16].replace('T', ' ')} UTC"),
            ("runtimes", ", ".join(runtimes)),
        ]
        if loads:
            found.append(("load average before", f"{min(loads):g} to {max(loads):g}"))
        return found


def reports_of(rows: Sequence[Row], changes: Sequence[Change] = ()) -> list[DeviceReport]:
    """One for each device, samples left out."""
    real = [row for row in latest(rows) if not row.is_sample]
    found = []
    for device in dict.fromkeys(row.device for row in real):
        own = [row for row in real if row.device == device]
        made = [table for make in tables.TABLES if (table := make(own)) is not None]
        if changes and device.kind == "desktop" and (compared := tables.changes(changes)) is not None:
            made.insert(0, compared)
        found.append(DeviceReport(device=device, rows=own, tables=made))
    return found


def lead_of(rows: Sequence[Row]) -> str:
    """What was left out, and what is quick."""
    samples = sum(row.is_sample for row in rows)
    quick = sum(map(tables.is_quick, rows))
    parts = [f"{len(rows) - samples} measurements."]
    if quick:
        parts.append(f"{quick} are quick: fewer runs than the protocol asks for.")
    if samples:
        parts.append(f"{samples} made-up sample rows are left out.")
    return " ".join(parts)


def html_of(rows: Sequence[Row], changes: Sequence[Change] = (), note: str = "") -> str:
    """One self-contained page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    devices = [
        {
            "title": report.title,
            "anchor": f"d{index}",
            "facts": report.facts,
            "headline": headline(report.rows),
            "tables": [_laid_out(table, report.rows) for table in report.tables],
        }
        for index, report in enumerate(reports_of(rows, changes))
    ]
    return environment.get_template("page.html").render(lead=f"{lead_of(rows)} {note}".strip(), devices=devices)


def _laid_out(table: tables.Table, rows: Sequence[Row]) -> dict[str, Any]:
    """Columns of words stand to the left, of numbers to the right."""
    is_text = [
        index == 0 or (not all(NUMBER.match(row[index]) for row in table.rows) and not _short(table, index))
        for index in range(len(table.headings))
    ]
    svg = PLOTS[table.plot](rows) if table.plot else ""
    return {
        "title": table.title,
        "note": table.note,
        "headings": table.headings,
        "rows": table.rows,
        "svg": svg,
        "is_text": is_text,
    }


def _short(table: tables.Table, index: int) -> bool:
    return max(len(row[index]) for row in table.rows) <= 12


def markdown_of(rows: Sequence[Row], changes: Sequence[Change] = (), plots_folder: str = "", note: str = "") -> str:
    """The same tables as Markdown.

    Args:
        rows: of any number of runs.
        changes: against a baseline.
        plots_folder: where the plots are, as the page says it; empty leaves them out.
        note: a sentence above everything.
    """
    parts = ["# Benchmark results", "", f"{lead_of(rows)} {note}".strip()]
    for index, report in enumerate(reports_of(rows, changes)):
        parts += ["", f"## {report.title}", "", "; ".join(f"{name}: {value}" for name, value in report.facts) + "."]
        if shown := headline(report.rows):
            parts += ["", *(f"* **{value}** {meaning}" for value, meaning in shown)]
        for table in report.tables:
            parts += ["", f"### {table.title}", ""]
            if table.note:
                parts += [table.note, ""]
            if plots_folder and table.plot and PLOTS[table.plot](report.rows):
                parts += [f"![{table.title}]({plots_folder}/{plot_name(index, table.plot)})", ""]
            parts.append("| " + " | ".join(table.headings) + " |")
            parts.append("|" + "---|" * len(table.headings))
            parts += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join(parts) + "\n"


def plot_name(device_index: int, plot: str) -> str:
    """File name of a plot of a device."""
    return f"{plot}.svg" if device_index == 0 else f"{plot}-{device_index}.svg"


def plots_of(rows: Sequence[Row]) -> dict[str, str]:
    """File name -> SVG, of every device's plots."""
    found = {}
    for index, report in enumerate(reports_of(rows)):
        for table in report.tables:
            if table.plot and (svg := PLOTS[table.plot](report.rows)):
                found[plot_name(index, table.plot)] = svg
    return found
