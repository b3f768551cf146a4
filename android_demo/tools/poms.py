"""Writes the tables of dependencies.py as Maven's POMs: a parent, and a module for each classpath."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from dependencies import BILLS_OF_MATERIALS, CLASSPATHS, MANAGED, Needed, version_of

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<project xmlns="http://maven.apache.org/POM/4.0.0">\n'
ABOUT = "<modelVersion>4.0.0</modelVersion><groupId>reblur</groupId><version>1</version><packaging>pom</packaging>"


def write_poms(folder: Path) -> Path:
    """Write them into a folder; the parent's path."""
    folder.mkdir(parents=True, exist_ok=True)
    modules = "".join(f"<module>{name}.xml</module>" for name in CLASSPATHS)
    parent = folder / "pom.xml"
    parent.write_text(f"{HEAD}{ABOUT}<artifactId>all</artifactId><modules>{modules}</modules>\n</project>\n")
    for name, needed in CLASSPATHS.items():
        managed = [_bill(*bill) for bill in BILLS_OF_MATERIALS.get(name, [])]
        managed += [_dependency(one) for one in MANAGED.get(name, [])]
        (folder / f"{name}.xml").write_text(
            f"{HEAD}{ABOUT}<artifactId>{name}</artifactId>\n"
            f"<dependencyManagement><dependencies>\n{_lines(managed)}</dependencies></dependencyManagement>\n"
            f"<dependencies>\n{_lines([_dependency(one) for one in needed])}</dependencies>\n</project>\n"
        )
    return parent


def _lines(entries: list[str]) -> str:
    return "".join(f"{entry}\n" for entry in entries)


def _bill(name: str, version: str) -> str:
    return _element(name, version_of(version), "<type>pom</type><scope>import</scope>")


def _dependency(needed: Needed) -> str:
    more = f"<type>{needed.type}</type><scope>{needed.scope}</scope>"
    if needed.classifier:
        more += f"<classifier>{needed.classifier}</classifier>"
    if needed.without:
        more += f"<exclusions>{''.join(_exclusion(name) for name in needed.without)}</exclusions>"
    return _element(needed.name, version_of(needed.version), more)


def _exclusion(name: str) -> str:
    group, _, artifact = name.partition(":")
    return f"<exclusion><groupId>{group}</groupId><artifactId>{artifact or '*'}</artifactId></exclusion>"


def _element(name: str, version: str, more: str) -> str:
    group, artifact = name.split(":")
    return (
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"
        f"<version>{escape(version)}</version>{more}</dependency>"
    )
