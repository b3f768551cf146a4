"""Back ends: each file here opens what the export file of the same name writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runtime.backends import mlpackage, onnx, pte, tflite
from runtime.backends.base import GraphRunner
from runtime.manifest.files import check_files
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError

OPENERS: dict[str, Callable[[Artifact, Path, int | None], GraphRunner]] = {
    "tflite": tflite.open_graph,
    "executorch": pte.open_graph,
    "coreml": mlpackage.open_graph,
    "onnx": onnx.open_graph,
}
"""Format -> what opens it. The packages they need are imported when one is opened, not before."""


def open_artifact(artifact: Artifact, directory: Path, num_threads: int | None = None) -> GraphRunner:
    """Check an artefact's files against the manifest and load it.

    Args:
        artifact: what to load.
        directory: the manifest's folder.
        num_threads: CPU threads; None leaves the choice to the back end.

    Raises:
        ReblurError: the artefact failed its checks, its files are missing or altered, its interpreter is not
            installed, or the interpreter refuses it.
    """
    check_artifact(artifact, directory)
    return OPENERS[artifact.format](artifact, directory / artifact.path, num_threads)


def check_artifact(artifact: Artifact, directory: Path) -> None:
    """Check that an artefact passed and that its files are those of the manifest.

    Raises:
        ReblurError: says what is wrong with it.
    """
    if artifact.status == "failed":
        raise ReblurError(f"{artifact.id} failed its checks ({artifact.reason}): run `make export` again")
    check_files(artifact, directory)
