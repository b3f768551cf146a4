"""The operators of a saved Core ML package as a plain list; see ``export.analysis.operators``."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from export.analysis.operators import OpNode, Shape, size_of
from export.interpreters.mil.graph import Reference, Step
from export.interpreters.mil.program import MilProgram


def mil_nodes(path: Path, function: str | None = None) -> tuple[OpNode, ...]:
    """The operators of a ``.mlpackage`` in order of execution, constants left out.

    Args:
        path: the package.
        function: which one of a package with several; None for the one that runs when nothing is said.

    Raises:
        ReblurError: see ``MilProgram.load``.
    """
    return nodes_of_program(MilProgram.load(path, function or ""))


def nodes_of_program(program: MilProgram) -> tuple[OpNode, ...]:
    """The operators of a loaded Core ML program."""
    specs = {spec.name: (spec.dtype, spec.shape) for spec in program.inputs}
    nodes = []
    for step in program.graph.steps:
        specs.update({spec.name: (spec.dtype, spec.shape) for spec in step.outputs})
        reads = tuple(sorted(step.references()))
        writes = tuple(spec.name for spec in step.outputs)
        weight = _constant(step, "weight")
        nodes.append(
            OpNode(
                op=step.op_type,
                output=writes[0],
                reads=reads,
                writes=writes,
                dtypes=tuple(specs[name][0] for name in (*reads, *writes)),
                shapes=tuple(specs[name][1] for name in (*reads, *writes)),
                shape=step.outputs[0].shape,
                kernel=tuple(weight.shape[2:]) if weight is not None else (),
                mode=_text(step, "mode"),
                scalars=_scalars(step),
                multiplications=_mil_work(step, {name: shape for name, (_, shape) in specs.items()}),
            )
        )
    return tuple(nodes)


def _mil_work(step: Step, shapes: dict[str, Shape]) -> int:
    """Multiplications of one MIL op."""
    out = size_of(step.outputs[0].shape)
    if step.op_type in ("mul", "real_div", "square"):
        return out
    if step.op_type in ("conv", "linear"):
        weight = _constant(step, "weight")
        return out * size_of(weight.shape[1:]) if weight is not None else 0
    (first,) = [item.name for item in step.bindings.get("x", ()) if isinstance(item, Reference)][:1] or [""]
    read = shapes.get(first, ())
    if step.op_type == "conv_transpose":
        weight = _constant(step, "weight")
        return size_of(read) * size_of(weight.shape[1:]) if weight is not None and read else 0
    if step.op_type == "matmul" and read:
        transposed = _constant(step, "transpose_x")
        return out * size_of(read[-2:-1] if transposed is not None and bool(transposed) else read[-1:])
    return 0


def _constant(step: Step, parameter: str) -> Tensor | None:
    """The constant tensor given as ``parameter``, if there is one."""
    items = step.bindings.get(parameter, ())
    return items[0] if len(items) == 1 and isinstance(items[0], Tensor) else None


def _text(step: Step, parameter: str) -> str:
    items = step.bindings.get(parameter, ())
    return items[0] if len(items) == 1 and isinstance(items[0], str) else ""


def _scalars(step: Step) -> tuple[float, ...]:
    items = [item for values in step.bindings.values() for item in values]
    return tuple(float(i) for i in items if isinstance(i, Tensor) and i.is_floating_point() and i.numel() == 1)
