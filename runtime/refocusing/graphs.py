"""The graphs of a pipeline by name, each opened when it is first needed.

An interpreter keeps the working memory of its graph, at 768x1024 80 to 400 MiB, for as long as it is open. What is
opened late and let go early never adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runtime.refocusing.tiling import TiledGraph

Opener = Callable[[], TiledGraph]


class Graphs:
    """Graphs that are open, and what opens the others.

    Args:
        graphs: a graph, or what opens it, by name.
    """

    def __init__(self, graphs: Mapping[str, TiledGraph | Opener]) -> None:
        self._open = {name: graph for name, graph in graphs.items() if isinstance(graph, TiledGraph)}
        self._openers = {name: graph for name, graph in graphs.items() if not isinstance(graph, TiledGraph)}

    def __contains__(self, name: str) -> bool:
        return name in self._open or name in self._openers

    def __getitem__(self, name: str) -> TiledGraph:
        """The graph of this name, opened now if it is not open.

        Raises:
            ReblurError: it cannot be opened; see ``runtime.backends.open_artifact``.
        """
        if name not in self._open:
            self._open[name] = self._openers[name]()
        return self._open[name]

    def __setitem__(self, name: str, graph: TiledGraph) -> None:
        self._open[name] = graph

    def let_go(self, *names: str) -> None:
        """Close those that can be opened again."""
        for name in names:
            if name in self._openers:
                self._open.pop(name, None)
