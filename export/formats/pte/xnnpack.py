"""ExecuTorch: writes a torch module as a ``.pte`` file for the XNNPACK delegate.

The delegate must take the graph whole. A graph cut in pieces still runs, but copies its tensors at each cut and
computes the operators between them with slow reference kernels.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from export.data.calibration import Samples
from export.formats.pte.strided_convs import without_strides
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from runtime.system.silence import silence
from train.quantization.fake_quant import float_at_both_ends
from train.quantization.settings import Int8Settings

PRECISIONS = ("fp32", "int8")
SEGMENT_ALIGNMENT = 16
"""Bytes. XNNPACK copies its weights when it packs them, so the default of 128 only pads each of them."""
OUTSIDE = frozenset({"getitem"})
"""What may stand outside the delegate: taking its result out of a tuple, which computes nothing."""


def write_pte(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    path: Path,
    *,
    precision: str = "fp32",
    calibration: Samples | None = None,
    settings: Int8Settings | None = None,
) -> None:
    """Convert ``module`` and write it to ``path``, atomically.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed. Inputs and outputs of
            the file have no names, only this order.
        path: the file.
        precision: "fp32", or "int8": weights and activations, see ``export.formats.tflite.quantize``.
        calibration: representative inputs for int8, each one (B, C, H, W) tensor for each input.
        settings: for int8: what stays float, and the ranges.

    Raises:
        ReblurError: an argument does not fit, the delegate leaves operators behind, or the file cannot be written.
    """
    if precision not in PRECISIONS:
        raise ReblurError(f"no ExecuTorch precision {precision!r}: choose from {', '.join(PRECISIONS)}")
    if precision == "int8" and not calibration:
        raise ReblurError("int8 needs representative inputs to calibrate with, got none")
    # The strides of the examples are fixed with their shape: a channels-last example makes a file that
    # misreads every other tensor.
    inputs = tuple(x.contiguous() for x in example_inputs)
    with silence(), torch.no_grad():
        module = without_strides(module)
        if precision == "int8":
            assert calibration is not None
            module = _quantized(module, inputs, calibration, settings or Int8Settings())
        content = _lower(module, inputs, path.stem)
    write_atomically(path, content)


def check_delegation(graph_module: torch.fx.GraphModule, name: str, delegate: str = "XNNPACK") -> None:
    """Check that the delegate took the whole graph as one piece.

    Args:
        graph_module: of the lowered program.
        name: of the graph, for the error.
        delegate: its name, for the error.

    Raises:
        ReblurError: it did not; names the operators left over.
    """
    from executorch.devtools.backend_debug import get_delegation_info

    info = get_delegation_info(graph_module)
    left = {
        operator: counts.non_delegated
        for operator, counts in info.delegation_by_operator.items()
        if counts.non_delegated and operator not in OUTSIDE
    }
    if info.num_delegated_subgraphs != 1 or left:
        listed = ", ".join(f"{operator} x {count}" for operator, count in sorted(left.items())) or "none"
        raise ReblurError(
            f"{delegate} must take {name} as one subgraph, got {info.num_delegated_subgraphs} "
            f"and these operators left over: {listed}"
        )


def _lower(module: nn.Module, inputs: tuple[Tensor, ...], name: str) -> bytes:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower

    config = ExecutorchBackendConfig(segment_alignment=SEGMENT_ALIGNMENT)
    program = torch.export.export(module, inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    check_delegation(lowered.exported_program().graph_module, name)
    return bytes(lowered.to_executorch(config).buffer)


def _quantized(
    module: nn.Module, inputs: tuple[Tensor, ...], calibration: Samples, settings: Int8Settings
) -> nn.Module:
    """The module with quantisation and dequantisation around each operator that does not stay float."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    prepared = prepare_pt2e(torch.export.export(module, inputs).module(), float_at_both_ends(settings))
    for sample in calibration:
        prepared(*(x.contiguous() for x in sample))
    return convert_pt2e(prepared)
