"""The version of the project."""

from __future__ import annotations

from pathlib import Path


def reblur_version() -> str:
    """The project's version; from pyproject.toml where the project is used without being installed."""
    import importlib.metadata  # here: most commands never ask, and all of them should start at once

    try:
        return importlib.metadata.version("reblur")
    except importlib.metadata.PackageNotFoundError:
        import tomllib

        text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])
