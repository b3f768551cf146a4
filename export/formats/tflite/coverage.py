"""How much of a TFLite file XNNPACK takes, as LiteRT applies it here; the GPU delegate and NNAPI by rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.analysis.coverage import Coverage, describe, predictions
from export.analysis.operators import OpNode, SavedGraph
from runtime.system.silence import silence

LITERT_XNNPACK = "XNNPACK (LiteRT)"


def tflite_coverage(graph: SavedGraph) -> tuple[Coverage, ...]:
    """XNNPACK as LiteRT applies it here; the GPU delegate and NNAPI by rule."""
    taken, subgraphs = _xnnpack_takes(graph.path, graph.operators)
    return (describe(LITERT_XNNPACK, "measured", subgraphs, graph.operators, taken), *predictions(graph))


def _xnnpack_takes(path: Path, nodes: Sequence[OpNode]) -> tuple[list[bool], int]:
    """Which operators LiteRT hands to XNNPACK, and in how many pieces.

    The interpreter lists each piece as one more operator, with what it reads and writes; the operators in between
    are those of the piece.
    """
    with silence():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        pieces: list[dict[str, Any]] = [op for op in interpreter._get_ops_details() if op["op_name"] == "DELEGATE"]
    writer = {name: i for i, node in enumerate(nodes) for name in node.writes}
    taken = [False] * len(nodes)
    for piece in pieces:
        borders = {str(i) for i in piece["inputs"]}
        pending = [str(i) for i in piece["outputs"]]
        while pending:
            index = writer.get(pending.pop())
            if index is not None and not taken[index]:
                taken[index] = True
                pending += [name for name in nodes[index].reads if name not in borders]
    return taken, len(pieces)
