"""A float graph, once converted, kept for files of other precisions, which begin with the same one.

Converters take longer over a graph of hundreds of operators than all that follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from runtime.system.files import write_atomically


def kept(
    folder: Path | None, kind: str, module: nn.Module, example_inputs: Sequence[Tensor], convert: Callable[[], bytes]
) -> bytes:
    """What ``convert`` gives, or gave before for a module of this structure, these weights and these shapes.

    Args:
        folder: of one checkpoint and one state of this code, for modules that are as they were built; None keeps
            nothing.
        kind: what it is converted to.
        module: the graph.
        example_inputs: of the shapes to be fixed.
        convert: the work.
    """
    if folder is None:
        return convert()
    digest = hashlib.sha256(repr((kind, module, [tuple(x.shape) for x in example_inputs])).encode())
    for name, value in module.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    path = folder / f"{digest.hexdigest()[:32]}.{kind}"
    if path.is_file():
        return path.read_bytes()
    content = convert()
    folder.mkdir(exist_ok=True)
    write_atomically(path, content)
    return content
