"""How much of a saved file each delegate takes: operators, multiplications and the number of subgraphs.

    for part in coverage(Path("artifacts/deblur_int8.tflite")):
        print(part.delegate, part.method, part.subgraphs, part.share_inside)

Measured where the delegate is on this machine (XNNPACK in LiteRT, onnxruntime's CPU) or its decision is in the file
(ExecuTorch). Predicted by the rules of ``export.lint`` where only the device can tell (Neural Engine, GPU delegate,
NNAPI, WebGPU).

A measured graph must be one subgraph: each further one copies tensors and leaves operators to slow kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from export.analysis.findings import UNITS, is_taken
from export.analysis.onnx import onnx_nodes
from export.analysis.operators import OpNode, histogram, mil_nodes, tflite_nodes, work
from export.analysis.pte import TITLES, pte_nodes
from export.analysis.rules import Unit
from runtime.system.errors import ReblurError, first_line
from runtime.system.silence import silence

Method = Literal["measured", "predicted"]
LITERT_XNNPACK = "XNNPACK (LiteRT)"
ONNX_CPU = "CPU (onnxruntime)"


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


def coverage(path: Path, function: str | None = None) -> tuple[Coverage, ...]:
    """The coverage of a saved file by everything that may run it.

    Args:
        path: the file.
        function: which one of an .mlpackage with several.

    Raises:
        ReblurError: the file is of an unknown kind, or damaged.
    """
    if path.suffix not in READERS:
        raise ReblurError(f"cannot tell what runs {path}: expected a file ending in {', '.join(READERS)}")
    return READERS[path.suffix](path, function)


def tflite_coverage(path: Path) -> tuple[Coverage, ...]:
    """XNNPACK as LiteRT applies it here; the GPU delegate and NNAPI by rule."""
    nodes = tflite_nodes(path)
    taken, subgraphs = _xnnpack_takes(path, nodes)
    return (_describe(LITERT_XNNPACK, "measured", subgraphs, nodes, taken), *_predictions(nodes, path.suffix))


def pte_coverage(path: Path) -> tuple[Coverage, ...]:
    """The delegates whose subgraphs are in the file; exact, since the file fixes them."""
    found = pte_nodes(path)
    nodes = (*found.inside, *found.outside)
    taken = [True] * len(found.inside) + [False] * len(found.outside)
    titles = dict.fromkeys(TITLES[delegate] for delegate in found.delegates)
    name = f"{' and '.join(titles) or 'no delegate'} (ExecuTorch)"
    return (_describe(name, "measured", len(found.delegates), nodes, taken),)


def mlpackage_coverage(path: Path, function: str | None = None) -> tuple[Coverage, ...]:
    """The Neural Engine, by rule."""
    return tuple(_predictions(mil_nodes(path, function), path.suffix))


def onnx_coverage(path: Path) -> tuple[Coverage, ...]:
    """The CPU as onnxruntime uses it here, which runs a graph whole or not at all; WebGPU by rule.

    Raises:
        ReblurError: the file is no ONNX model, or onnxruntime refuses it.
    """
    nodes = onnx_nodes(path)
    with silence():
        import onnxruntime

        try:
            onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an exception of its own for each of its status codes
            raise ReblurError(f"onnxruntime refuses {path}: {first_line(error)}") from error
    return (_describe(ONNX_CPU, "measured", 1, nodes, [True] * len(nodes)), *_predictions(nodes, path.suffix))


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


def _predictions(nodes: Sequence[OpNode], suffix: str) -> list[Coverage]:
    return [_predict(nodes, unit) for unit in UNITS[suffix]]


def _predict(nodes: Sequence[OpNode], unit: Unit) -> Coverage:
    taken = [is_taken(node, unit) for node in nodes]
    return _describe(unit, "predicted", count_subgraphs(nodes, taken), nodes, taken)


def _describe(
    delegate: str, method: Method, subgraphs: int, nodes: Sequence[OpNode], taken: Sequence[bool]
) -> Coverage:
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


READERS: dict[str, Callable[[Path, str | None], tuple[Coverage, ...]]] = {
    ".mlpackage": mlpackage_coverage,
    ".onnx": lambda path, function: onnx_coverage(path),
    ".pte": lambda path, function: pte_coverage(path),
    ".tflite": lambda path, function: tflite_coverage(path),
}
"""Suffix of a file -> what runs it."""
