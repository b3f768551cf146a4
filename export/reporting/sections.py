"""The parts of the report about the files themselves: what there is, how large, what runs it, made by what."""

from __future__ import annotations

from collections.abc import Container, Iterable

from export.reporting.html import bar, group, log_link, section, status, table, text
from export.reporting.names import brief_words, by_graph, listed, metric_name, name_cell, short_name
from export.reporting.text import counts, limits, worst_figures
from export.verification.artifact import size_mib
from runtime.manifest.check_records import DelegateCoverage
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact


def overview(manifest: Manifest, logs: Container[str] = ()) -> str:
    """One row for each artefact, graph by graph; ``logs`` has the names of those whose log lies beside the page."""
    headings = ("file", "MiB", "result", "worst case against the float model")
    parts = [
        group(
            f"{graph}: {counts(artifacts)}",
            table(headings, [_row(a, logs) for a in artifacts], numbers=(1,)),
            is_open=True,
        )
        for graph, artifacts in by_graph(manifest).items()
    ]
    sizes_px = ", ".join(f"{size.height_px}x{size.width_px}" for size in manifest.sizes)
    return section(
        "Files",
        f"Sizes of the tensors, height x width: {sizes_px}; files of the first one do not name it.",
        "\n".join(parts),
    )


def sizes(manifest: Manifest) -> str:
    """The files' sizes as bars."""
    made = [artifact for artifact in manifest.artifacts if artifact.files]
    largest = max((size_mib(artifact) for artifact in made), default=1.0)
    parts: list[str] = []
    for graph, artifacts in by_graph(manifest).items():
        rows = [
            f"<span>{name_cell(a)}</span>{bar(size_mib(a) / largest, None, f'{short_name(a)}: {size_mib(a):.2f} MiB')}"
            f"<span>{size_mib(a):.2f} MiB</span>"
            for a in artifacts
            if a.files
        ]
        parts.append(group(graph, f'<div class="bars">\n{chr(10).join(rows)}\n</div>', is_open=not parts))
    return section("Sizes", "All files of an artefact together; one scale for all graphs.", "\n".join(parts))


def coverage(manifest: Manifest) -> str:
    """What each delegate takes, and the operators of each file; empty where the manifest does not say."""
    if not any(artifact.coverage for artifact in manifest.artifacts):
        return ""
    headings = ("file", "delegate", "how it is known", "subgraphs", "operators", "multiplications", "left outside")
    parts: list[str] = []
    for graph, artifacts in by_graph(manifest).items():
        rows = [_coverage_row(a, part) for a in artifacts for part in a.coverage]
        content = table(headings, rows, numbers=(3, 4, 5)) + group("Operators of each file", _histograms(artifacts))
        parts.append(group(graph, content, is_open=not parts))
    note = (
        "What each delegate takes of a file. Measured: the file or the runtime here says so. Predicted: allow-lists "
        "and rules say so, and only the device can tell."
    )
    return section("Coverage", note, "\n".join(parts))


def tools(manifest: Manifest) -> str:
    """Versions of what took part."""
    rows = [(text(name), text(version)) for name, version in manifest.tools.items()]
    return section("Tools", "What made the files, and what ran them again.", table(("tool", "version"), rows))


def not_run(manifest: Manifest, logs: Iterable[str] = ()) -> str:
    """What nothing here could show, with the reasons, and the logs of what failed besides artefacts."""
    items = [f"{a.id}: {a.reason}" for a in manifest.artifacts if a.status == "not run"]
    items += [limit.removeprefix("not run: ") for limit in limits(manifest.artifacts)]
    lines = "\n".join(f'<li class="not-run">{text(item)}</li>' for item in items) or "<li>nothing</li>"
    others = sorted({*logs} - {artifact.id for artifact in manifest.artifacts})
    lines += "".join(f"\n<li>log of what failed: {log_link(name)}</li>" for name in others)
    return section("Not run", "What this machine could not check, and why.", f"<ul>\n{lines}\n</ul>")


def _row(artifact: Artifact, logs: Container[str]) -> tuple[str, ...]:
    worst = [f"{metric_name(f.metric)} {brief_words(f)}" for f in worst_figures(artifact.parity).values()]
    size = f"{size_mib(artifact):.2f}" if artifact.files else "-"
    result = status(artifact.status, artifact.reason)
    if artifact.id in logs:
        result += f" {log_link(artifact.id)}"
    return name_cell(artifact), size, result, listed(worst)


def _coverage_row(artifact: Artifact, part: DelegateCoverage) -> tuple[str, ...]:
    inside, outside = sum(part.inside.values()), sum(part.outside.values())
    total = part.multiplications_inside + part.multiplications_outside
    return (
        name_cell(artifact),
        text(part.delegate),
        text(part.method),
        str(part.subgraphs),
        f"{inside} of {inside + outside}",
        f"{part.multiplications_inside / total:.1%}" if total else "-",
        listed(f"{op} x {count}" for op, count in part.outside.items()),
    )


def _histograms(artifacts: list[Artifact]) -> str:
    """Every operator of each file, with how often it occurs: the same whoever runs it."""
    rows = []
    for artifact in artifacts:
        for part in artifact.coverage[:1]:
            both = {op: part.inside.get(op, 0) + part.outside.get(op, 0) for op in (*part.inside, *part.outside)}
            often = sorted(both.items(), key=lambda item: -item[1])
            rows.append((name_cell(artifact), str(sum(both.values())), listed(f"{op} x {n}" for op, n in often)))
    return table(("file", "in all", "operators"), rows, numbers=(1,))
