"""ONNX: writes a torch module as an ``.onnx`` file for onnxruntime on desktops and in browsers.

Files take and give NCHW float32 of fixed shape. They follow opset 18, which torch's exporter writes without a
conversion of its own, in the oldest version of the file format that holds it: native and web runtimes read both
since onnxruntime 1.14. The weights are in the file itself, for a browser cannot open a second one beside it.

The same graph and tools give the same bytes: what changes from run to run or names the machine is taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from export.data.calibration import Samples
from export.formats.kept import kept
from export.formats.onnx.quantize import quantize_onnx
from export.recipes.targets import ONNX_OPSET
from runtime.system.errors import ReblurError, first_line
from runtime.system.files import write_atomically
from runtime.system.silence import silence
from train.quantization.settings import Int8Settings

if TYPE_CHECKING:
    from onnx import ModelProto

PRECISIONS = ("fp32", "int8")
FILE_FORMAT = 8
"""ONNX's IR version, the first that knows opset 18. Later ones add number types and notes that are not used here."""
EQUALITY_CHECKS = 1
"""Random inputs on which the simplified graph must answer as before."""


def write_onnx(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
    *,
    precision: str = "fp32",
    calibration: Samples | None = None,
    settings: Int8Settings | None = None,
    conversions: Path | None = None,
) -> None:
    """Convert ``module`` and write it to ``path``, atomically.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed.
        input_names: names of the inputs, in calling order.
        output_names: names of the outputs, in the module's order.
        path: the file.
        precision: "fp32", or "int8": weights and activations, see ``export.formats.tflite.quantize``.
        calibration: representative inputs for int8, each one (B, C, H, W) tensor for each input.
        settings: for int8: what stays float, and the ranges.
        conversions: where the float graph is kept for other precisions, see ``export.formats.kept``.

    Raises:
        ReblurError: an argument does not fit, the converted graph is not valid, or the file cannot be written.
    """
    if precision not in PRECISIONS:
        raise ReblurError(f"no ONNX precision {precision!r}: choose from {', '.join(PRECISIONS)}")
    if precision == "int8" and not calibration:
        raise ReblurError("int8 needs representative inputs to calibrate with, got none")
    import onnx

    with silence(), torch.no_grad():
        float_model = kept(
            conversions,
            "onnx",
            module,
            example_inputs,
            lambda: _simplified(_convert(module, example_inputs, input_names, output_names)).SerializeToString(),
        )
        model = onnx.load_from_string(float_model)
        if precision == "int8":
            assert calibration is not None
            feeds = [
                {name: x.contiguous().numpy() for name, x in zip(input_names, sample, strict=True)}
                for sample in calibration
            ]
            model = quantize_onnx(model, feeds, settings or Int8Settings())
        content = _made_deterministic(model)
    write_atomically(path, content)


def _convert(
    module: nn.Module, example_inputs: tuple[Tensor, ...], input_names: Sequence[str], output_names: Sequence[str]
) -> ModelProto:
    """The float model as torch's exporter gives it."""
    inputs = tuple(x.contiguous() for x in example_inputs)
    program = torch.onnx.export(
        module,
        inputs,
        dynamo=True,
        opset_version=ONNX_OPSET,
        input_names=list(input_names),
        output_names=list(output_names),
        verbose=False,
    )
    assert program is not None
    return program.model_proto


def _simplified(model: ModelProto) -> ModelProto:
    """The model with constants folded and idle operators dropped, checked to answer as before.

    Raises:
        ReblurError: it answers otherwise.
    """
    import onnxsim

    simplified, same = onnxsim.simplify(model, check_n=EQUALITY_CHECKS)
    if not same:
        raise ReblurError("the simplified ONNX graph answers differently from the graph that torch exported")
    return simplified


def _made_deterministic(model: ModelProto) -> bytes:
    """The file: valid, without the tools' notes (source paths and stack traces among them), in a fixed order."""
    import onnx

    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    # What lies between the operators follows from them; the quantiser leaves its old shapes behind.
    del graph.value_info[:]
    initializers = sorted(graph.initializer, key=lambda tensor: tensor.name)
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    (opset,) = (entry for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset.version != ONNX_OPSET:
        raise ReblurError(f"the converted ONNX file must be of opset {ONNX_OPSET}, got {opset.version}")
    del model.opset_import[:]
    model.opset_import.append(opset)
    model.ir_version = FILE_FORMAT
    model.producer_name, model.producer_version = "reblur", ""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ReblurError(f"the converted ONNX file is not valid: {first_line(error)}") from error
    return model.SerializeToString(deterministic=True)
