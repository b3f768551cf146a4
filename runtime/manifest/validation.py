"""What a manifest's records must be that their types do not say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from runtime.manifest.records import Artifact, Graph
from runtime.system.errors import ReblurError

MOST_PX = 65536
"""Side of a tensor beyond which nobody's picture is meant."""


def check_tensors_and_paths(artifact: Artifact, graphs: dict[str, Graph]) -> None:
    """An artefact's graph is known, its paths stay in the folder and its tensors are the graph's."""
    for path in (artifact.path, *(file.path for file in artifact.files)):
        check_path(path)
    if artifact.graph not in graphs:
        raise ReblurError(f"{artifact.id} is of graph {artifact.graph!r}: there are {listed(graphs)}")
    graph = graphs[artifact.graph]
    for tensors, meanings in ((artifact.inputs, graph.inputs), (artifact.outputs, graph.outputs)):
        channels = {meaning.name: meaning.channels for meaning in meanings}
        names = [tensor.name for tensor in tensors]
        if (artifact.files or names) and sorted(names) != sorted(channels):
            raise ReblurError(f"{artifact.id} has tensors {listed(names)}, its graph has {listed(channels)}")
        for tensor in tensors:
            if not tensor.divisor > 0.0:
                raise ReblurError(f"the divisor of {artifact.id} {tensor.name} must be above 0, got {tensor.divisor:g}")
            if not all(1 <= side <= MOST_PX for side in tensor.shape):
                raise ReblurError(
                    f"the sides of {artifact.id} {tensor.name} must be 1 to {MOST_PX}, got {list(tensor.shape)}"
                )
            count = channels[tensor.name]
            if len(tensor.shape) != 4 or tensor.shape[tensor.layout.index("C")] != count:
                raise ReblurError(
                    f"{artifact.id}: {tensor.name} must be {tensor.layout} with {count} channels, "
                    f"got shape {list(tensor.shape)}"
                )


def refuse_constant(name: str) -> float:
    """For ``json.loads``: NaN and infinities are no JSON, though Python reads them."""
    raise ReblurError(f"{name} is no number of JSON")


def check_path(path: str) -> None:
    """Check that a path stays in the manifest's folder.

    Raises:
        ReblurError: it does not.
    """
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise ReblurError(f"paths must stay in the manifest's folder, got {path!r}")


def listed(names: Iterable[str]) -> str:
    """For an error's sentence."""
    return ", ".join(names) or "none"
