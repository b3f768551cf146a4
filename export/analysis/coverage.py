"""How much of a saved file each delegate takes: operators, multiplications and the number of subgraphs.

Measured where the delegate is on this machine (XNNPACK in LiteRT, onnxruntime's CPU) or its decision is in the file
(ExecuTorch). Predicted by the rules of ``export.lint`` where only the device can tell (Neural Engine, GPU delegate,
NNAPI, WebGPU).

A measured graph must be one subgraph: each further one copies tensors and leaves operators to slow kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from export.analysis.findings import is_taken
from export.analysis.operators import OpNode, SavedGraph, Unit, histogram, work
from runtime.system.errors import ReblurError

Method = Literal["measured", "predicted"]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What one delegate takes of one file."""

    delegate: str
    method: Method
    subgraphs: int
    """Pieces that the delegate runs, each by itself."""
    inside: dict[str, int]
    """Operator -> how often the delegate runs it."""
    outside: dict[str, int]
    """Operator -> how often something else does."""
    multiplications_inside: int
    multiplications_outside: int

    @property
    def share_inside(self) -> float:
        """Part of the multiplications that the delegate does, 0 to 1; of the operators where there are none."""
        inside, outside = self.multiplications_inside, self.multiplications_outside
        if not inside + outside:
            inside, outside = sum(self.inside.values()), sum(self.outside.values())
        return inside / (inside + outside) if inside + outside else 0.0

    @property
    def failure(self) -> str:
        """Why the file must not ship, in a sentence; empty where it may. A prediction is never a reason."""
        if self.method == "predicted" or self.subgraphs == 1:
            return ""
        left = ", ".join(f"{op} x {count}" for op, count in self.outside.items()) or "none"
        return f"{self.delegate} takes the graph in {self.subgraphs} subgraphs, not 1; operators outside: {left}"


def count_subgraphs(nodes: Sequence[OpNode], taken: Sequence[bool]) -> int:
    """In how many pieces a delegate runs the operators that it takes.

    TFLite's way: it runs every operator of one kind, taken or not, that is ready, and whatever becomes ready by
    that, then all of the other kind, and so on; each round of the delegate is a piece.
    """
    waiting = list(range(len(nodes)))
    written = {name for node in nodes for name in node.writes}
    rounds = 0
    while waiting:
        ready = [i for i in waiting if not written.intersection(nodes[i].reads)]
        if not ready:
            raise ReblurError(f"operators wait for each other, among them {nodes[waiting[0]].op}")
        kind = taken[ready[0]]
        rounds += int(kind)
        while batch := [i for i in waiting if taken[i] == kind and not written.intersection(nodes[i].reads)]:
            written.difference_update(name for i in batch for name in nodes[i].writes)
            waiting = [i for i in waiting if i not in batch]
    return rounds


def predictions(graph: SavedGraph) -> tuple[Coverage, ...]:
    """What the processors that may run a file take of it, by the rules."""
    return tuple(_predict(graph.operators, unit) for unit in graph.units)


def _predict(nodes: Sequence[OpNode], unit: Unit) -> Coverage:
    taken = [is_taken(node, unit) for node in nodes]
    return describe(unit, "predicted", count_subgraphs(nodes, taken), nodes, taken)


def describe(delegate: str, method: Method, subgraphs: int, nodes: Sequence[OpNode], taken: Sequence[bool]) -> Coverage:
    """The coverage by one delegate.

    Args:
        delegate: its name, for people.
        method: how it is known.
        subgraphs: pieces that the delegate runs.
        nodes: all operators.
        taken: of each, whether the delegate runs it.
    """
    inside = [node for node, is_inside in zip(nodes, taken, strict=True) if is_inside]
    outside = [node for node, is_inside in zip(nodes, taken, strict=True) if not is_inside]
    return Coverage(
        delegate=delegate,
        method=method,
        subgraphs=subgraphs,
        inside=histogram(inside),
        outside=histogram(outside),
        multiplications_inside=work(inside),
        multiplications_outside=work(outside),
    )
