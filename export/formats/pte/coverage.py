"""How much of an ExecuTorch file its delegates take, which the file itself says."""

from __future__ import annotations

from export.analysis.coverage import Coverage, describe
from export.analysis.operators import SavedGraph
from export.formats.pte.operators import TITLES


def pte_coverage(graph: SavedGraph) -> tuple[Coverage, ...]:
    """The delegates whose subgraphs are in the file; exact, since the file fixes them."""
    nodes = (*graph.operators, *graph.outside)
    taken = [True] * len(graph.operators) + [False] * len(graph.outside)
    titles = dict.fromkeys(TITLES[delegate] for delegate in graph.delegates)
    name = f"{' and '.join(titles) or 'no delegate'} (ExecuTorch)"
    return (describe(name, "measured", len(graph.delegates), nodes, taken),)
