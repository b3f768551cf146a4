"""The few pieces of HTML that the report is made of. All text is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from export.execution.logs import LOGS_FOLDER
from export.execution.task import LOG

STATUS_CLASS = {"passed": "passed", "failed": "failed", "not run": "not-run"}


def text(value: object) -> str:
    """Any value as text within HTML, also within an attribute."""
    return escape(str(value), quote=True)


def section(title: str, note: str, content: str) -> str:
    """A part of the page under a heading, with an anchor; ``content`` is HTML."""
    return f'<section id="{anchor(title)}">\n<h2>{text(title)}</h2>\n<p>{text(note)}</p>\n{content}\n</section>'


def anchor(title: str) -> str:
    """Name of a section within the page."""
    return title.lower().replace(" ", "-")


def group(title: str, content: str, *, is_open: bool = False) -> str:
    """A part of a section that can be closed; ``content`` is HTML."""
    return f"<details{' open' if is_open else ''}><summary>{text(title)}</summary>\n{content}\n</details>"


def status(name: str, reason: str = "") -> str:
    """An outcome, in words and colour."""
    words = f"{name}: {reason}" if reason else name
    return f'<span class="{STATUS_CLASS[name]}">{text(words)}</span>'


def badge(words: str) -> str:
    """A remark that stands out beside a name."""
    return f'<span class="badge">{text(words)}</span>'


def link(address: str) -> str:
    """An address that a reader may follow; where it is followed by words, they are kept as words."""
    target, _, more = address.partition(" ")
    if not target.startswith("https://"):
        return text(address)
    shown = text(target.removeprefix("https://"))
    return f'<a href="{text(target)}" rel="noreferrer">{shown}</a>{text(f" {more}") if more else ""}'


def log_link(name: str) -> str:
    """The log of what failed, beside the page."""
    return f'<a href="{LOGS_FOLDER}/{text(name)}{LOG}">{text(name)}{LOG}</a>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = (), kind: str = "") -> str:
    """A table that scrolls by itself where the screen is narrow.

    Args:
        headings: text.
        rows: cells of HTML.
        numbers: columns that are set to the right.
        kind: class of the table, where it has a style of its own.
    """

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = [' class="number"' if column in numbers else "" for column in range(len(cells))]
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    head = line("th", [text(heading) for heading in headings])
    body = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    opening = f'<table class="{kind}">' if kind else "<table>"
    return f'<div class="wide">{opening}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def bar(share: float, mark: float | None, label: str, *, good: bool = True) -> str:
    """A bar as inline SVG.

    Args:
        share: its length, 0 to 1.
        mark: where a line stands across it, 0 to 1; None for no line.
        label: what it says, for readers that do not see it.
        good: whether it is on the right side of the mark.
    """
    length = 100.0 * min(max(share, 0.0), 1.0)
    line = "" if mark is None else f'<rect class="mark" x="{100.0 * mark - 0.3:.2f}" width="0.6" height="10"/>'
    return (
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{text(label)}">'
        f'<rect class="track" width="100" height="10"/>'
        f'<rect class="value{"" if good else " failed"}" y="2" width="{length:.2f}" height="6"/>{line}</svg>'
    )


def figure(source: str, title: str, caption: str) -> str:
    """A picture with a caption; ``source`` is a data URI."""
    return (
        f'<figure><img src="{source}" alt="{text(f"{title}: {caption}")}">'
        f"<figcaption><b>{text(title)}</b><br>{text(caption)}</figcaption></figure>"
    )
