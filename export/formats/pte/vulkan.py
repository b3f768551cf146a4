"""ExecuTorch: writes a torch module as a ``.pte`` file for the Vulkan delegate, that is Android's GPUs.

It is lowered here and runs on phones only; ``export.interpreters.vulkan`` runs what the file holds anywhere.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from export.formats.pte.xnnpack import check_delegation
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from runtime.system.silence import silence

PRECISIONS = ("fp32", "fp16")


def write_vulkan_pte(
    module: nn.Module, example_inputs: tuple[Tensor, ...], path: Path, *, precision: str = "fp32"
) -> None:
    """Convert ``module`` and write it to ``path``, atomically.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed. Inputs and outputs of
            the file have no names, only this order; they are float32 in either precision.
        path: the file.
        precision: "fp32", or "fp16": weights and everything that is stored between two operators.

    Raises:
        ReblurError: an argument does not fit, the delegate leaves operators behind, or the file cannot be written.
    """
    if precision not in PRECISIONS:
        raise ReblurError(f"no Vulkan precision {precision!r}: choose from {', '.join(PRECISIONS)}")
    inputs = tuple(x.contiguous() for x in example_inputs)
    with silence(), torch.no_grad():
        content = _lower(module, inputs, path.stem, is_half=precision == "fp16")
    write_atomically(path, content)


def _lower(module: nn.Module, inputs: tuple[Tensor, ...], name: str, *, is_half: bool) -> bytes:
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(module, inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[VulkanPartitioner({"force_fp16": is_half})])
    check_delegation(lowered.exported_program().graph_module, name, "Vulkan")
    return bytes(lowered.to_executorch().buffer)
