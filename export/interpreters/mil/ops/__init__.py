"""Every op the interpreter knows, by its MIL name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.ops.constexpr import CONSTEXPR_OPS
from export.interpreters.mil.ops.conv import CONV_OPS
from export.interpreters.mil.ops.elementwise import ELEMENTWISE_OPS
from export.interpreters.mil.ops.matrix import MATRIX_OPS
from export.interpreters.mil.ops.pool import POOL_OPS
from export.interpreters.mil.ops.quantize import QUANTIZE_OPS
from export.interpreters.mil.ops.resize import RESIZE_OPS
from export.interpreters.mil.ops.shape import SHAPE_OPS
from runtime.system.errors import ReblurError

OpFunction = Callable[[Arguments], Tensor | tuple[Tensor, ...]]

CONST = "const"
"""The op that names a stored value; it is resolved while loading."""

OPS: dict[str, OpFunction] = {
    **CONSTEXPR_OPS,
    **CONV_OPS,
    **ELEMENTWISE_OPS,
    **MATRIX_OPS,
    **POOL_OPS,
    **QUANTIZE_OPS,
    **RESIZE_OPS,
    **SHAPE_OPS,
}


def is_constant(op_type: str) -> bool:
    """Whether the op makes a constant, once for all runs."""
    return op_type == CONST or op_type in CONSTEXPR_OPS


def only_moves_values(op_type: str) -> bool:
    """Whether every output value is an input value, so that there is nothing to round."""
    return op_type in SHAPE_OPS


def find_op(op_type: str, output: str) -> OpFunction:
    """The function for ``op_type``.

    Raises:
        ReblurError: the interpreter does not know the op; names it, its output and the known ones.
    """
    if op_type not in OPS:
        raise ReblurError(f"op '{op_type}' (output '{output}') is not supported; supported: {', '.join(sorted(OPS))}")
    return OPS[op_type]
