"""From the records of a report to its page: the templates, which escape whatever they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from export.execution.logs import LOGS_FOLDER

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What stands above the sections."""

    counts: str
    created: str
    reblur_version: str
    checkpoint: str
    sha256: str
    license: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page under a heading."""

    title: str
    note: str
    """A sentence or two."""
    template: str
    """Lays out ``content``."""
    content: Any
    """Plain records, as the template wants them."""

    @property
    def anchor(self) -> str:
        """Its name within the page."""
        return self.title.lower().replace(" ", "-")


def render_page(heading: Heading, sections: Sequence[Section]) -> str:
    """The whole page as HTML."""
    return environment().get_template("report.html").render(heading=heading, sections=sections)


def render_section(section: Section) -> str:
    """One section as HTML."""
    return environment().get_template("section.html").render(section=section)


@cache
def environment() -> Environment:
    """Templates that escape all they are given, and take no name that nobody gave for an empty one."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    found.globals["logs_folder"] = LOGS_FOLDER
    return found
