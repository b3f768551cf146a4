"""From a target, or a saved file, to what its format offers: the folders that ``export.recipes.targets`` names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from export.analysis.coverage import Coverage
from export.analysis.operators import SavedGraph
from export.formats.support import Runtime, TargetSupport
from export.recipes.targets import TARGETS, target_of
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError, reason_of


def support_of(target: str) -> TargetSupport:
    """What the export does with the files of a target, a key of ``TARGETS``."""
    return import_module(f"export.formats.{TARGETS[target].folder}.targets").SUPPORT[target]


def runtimes_of(artifact: Artifact) -> tuple[Runtime, ...]:
    """What runs this file here."""
    return tuple(r for r in support_of(target_of(artifact)).runtimes if artifact.precision in r.precisions)


def read_graph(path: Path, function: str | None = None) -> SavedGraph:
    """The operators of a saved file.

    Args:
        path: the file, or the folder of a package.
        function: which one of a package with several; None for the one that runs when nothing is said.

    Raises:
        ReblurError: the file is of an unknown kind, or damaged.
    """
    support = _support_for(path)
    try:
        return support.read(path, function)
    except (ReblurError, OSError):
        raise
    except Exception as error:  # parsers raise whatever their reading of damaged bytes leads to
        raise ReblurError(f"{path} is damaged, or no {path.suffix} file: {reason_of(error)}") from error


def coverage(graph: SavedGraph) -> tuple[Coverage, ...]:
    """The coverage of a saved file by everything that may run it.

    Raises:
        ReblurError: what measures it refuses the file.
    """
    return _support_for(graph.path).coverage(graph)


def _support_for(path: Path) -> TargetSupport:
    """Of the first target with the file's suffix; those that share one read and measure alike."""
    known = {target.suffix: name for name, target in reversed(TARGETS.items())}
    if path.suffix not in known:
        raise ReblurError(
            f"cannot read the operators of {path}: expected a file ending in {' or '.join(sorted(known))}"
        )
    return support_of(known[path.suffix])
