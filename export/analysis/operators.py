"""The operators of a saved file as one plain list, whatever its format: what coverage and lint look at.

Work is counted in multiplications: those of convolutions and matrix products, and one for each element of an
element-wise product or quotient. Additions come with them and are not counted again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Shape = tuple[int | None, ...]
Unit = Literal["Neural Engine", "GPU delegate", "NNAPI", "WebGPU", "Vulkan"]
"""A processor that rules speak of, since only a device can tell what it takes."""


@dataclass(frozen=True, kw_only=True)
class OpNode:
    """One operator. Constants are not among its inputs."""

    op: str
    """As the format names it."""
    output: str
    """Name of its first output tensor; unique in the file."""
    reads: tuple[str, ...] = ()
    """Computed tensors and inputs of the graph that it takes."""
    writes: tuple[str, ...] = ()
    """Tensors that it gives."""
    dtypes: tuple[str, ...] = ()
    """Element types of what it reads and writes, in capitals as the format names them."""
    shapes: tuple[Shape, ...] = ()
    """Shapes of what it reads and writes; None for a flexible dimension."""
    shape: Shape = ()
    """Shape of its first output."""
    kernel: tuple[int, ...] = ()
    """Rows and columns of a convolution's kernel."""
    mode: str = ""
    """How a pad fills."""
    scalars: tuple[float, ...] = ()
    """Constant arguments that are single floating-point numbers."""
    multiplications: int = 0


@dataclass(frozen=True, kw_only=True)
class SavedGraph:
    """What one reading of a saved file found: all that coverage and lint go by."""

    path: Path
    operators: tuple[OpNode, ...]
    """In order of execution; of an ExecuTorch file those inside its delegates."""
    units: tuple[Unit, ...]
    """Processors that may run the file and that only a device can tell about: there are rules for them."""
    delegates: tuple[str, ...] = ()
    """Of an ExecuTorch file: the delegate of each subgraph, in order of execution."""
    outside: tuple[OpNode, ...] = ()
    """Of an ExecuTorch file: what its reference kernels run."""


def histogram(nodes: Iterable[OpNode]) -> dict[str, int]:
    """How often each operator occurs, most frequent first."""
    return dict(Counter(node.op for node in nodes).most_common())


def work(nodes: Iterable[OpNode]) -> int:
    """Multiplications of all ``nodes``."""
    return sum(node.multiplications for node in nodes)


def size_of(shape: Sequence[int | None]) -> int:
    """Number of elements; flexible dimensions count once."""
    return math.prod(size or 1 for size in shape)
