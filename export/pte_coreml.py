"""ExecuTorch: writes a torch module as a ``.pte`` file for the Core ML delegate.

It is lowered here and runs on Apple's systems only; ``export.mil.from_pte`` runs the package inside it anywhere.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from export.pte import check_delegation
from runtime.files import write_atomically
from runtime.silence import silence


def write_coreml_pte(module: nn.Module, example_inputs: tuple[Tensor, ...], path: Path) -> None:
    """Convert ``module`` to fp16 for iOS 17 and later, and write it to ``path``, atomically.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed. Inputs and outputs of
            the file have no names, only this order.
        path: the file.

    Raises:
        ValueError: the delegate leaves operators behind, or the file cannot be written.
    """
    inputs = tuple(x.contiguous() for x in example_inputs)
    with silence(), torch.no_grad():
        content = _lower(module, inputs, path.stem)
    write_atomically(path, content)


def _lower(module: nn.Module, inputs: tuple[Tensor, ...], name: str) -> bytes:
    import coremltools as ct
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner
    from executorch.exir import to_edge_transform_and_lower

    specs = CoreMLBackend.generate_compile_specs(
        compute_unit=ct.ComputeUnit.ALL,
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=ct.precision.FLOAT16,
        model_type=CoreMLBackend.MODEL_TYPE.MODEL,
    )
    program = torch.export.export(module, inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[CoreMLPartitioner(compile_specs=specs)])
    check_delegation(lowered.exported_program().graph_module, name, "Core ML")
    return bytes(lowered.to_executorch().buffer)
