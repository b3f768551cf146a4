"""Versions of the tools, read from their metadata without importing them."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable

COMMON_TOOLS = ("torch", "numpy")
"""What takes part in every export."""


def tool_versions(packages: Iterable[str]) -> dict[str, str]:
    """Version of each distribution; "not installed" where there is none."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def all_versions(packages: Iterable[str]) -> dict[str, str]:
    """Python, the common tools and ``packages``, each once."""
    return {"python": platform.python_version(), **tool_versions(dict.fromkeys((*COMMON_TOOLS, *packages)))}
