"""TFLite / LiteRT: writes a torch module as a ``.tflite`` file.

Files take and give float32, whatever the precision inside. The stages, one file each:

    convert         ``layout``          everything channels last
    quantize        ``quantize``        int8 only
    make whole      ``xnnpack_fixups``  so that XNNPACK takes it in one piece
    shuffle         ``strided_convs``   int8 only, which is for CPUs: no convolution that strides by blocks
    halve           ``float16``         fp16 only
    strip           ``strip``           what no runtime reads
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from export.data.calibration import Samples
from export.formats.kept import kept
from export.formats.tflite.flatbuffer import pack_model, read_model
from export.formats.tflite.float16 import halve
from export.formats.tflite.layout import convert, feeds_of
from export.formats.tflite.quantize import quantize_tflite
from export.formats.tflite.strided_convs import shuffle
from export.formats.tflite.strip import slim
from export.formats.tflite.xnnpack_fixups import make_whole
from export.recipes.targets import TFLITE_SIGNATURE
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from runtime.system.silence import silence
from train.quantization.settings import Int8Settings

PRECISIONS = ("fp32", "fp16", "int8")


def write_tflite(
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
    """Convert ``module`` and write it to ``path``, atomically. Equal arguments give equal bytes.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed.
        input_names: names of the inputs, in calling order; the signature uses them.
        output_names: names of the outputs, in the module's order.
        path: the file.
        precision: "fp32"; "fp16": weights, and arithmetic where the processor has it, see ``float16`` beside this;
            or "int8": weights and activations, see ``quantize``.
        calibration: representative inputs for int8, each one (B, C, H, W) tensor for each input.
        settings: for int8: what stays float, and the ranges.
        conversions: where the float graph is kept for other precisions, see ``export.formats.kept``.

    Raises:
        ReblurError: an argument does not fit, or the file cannot be written.
    """
    if precision not in PRECISIONS:
        raise ReblurError(f"no TFLite precision {precision!r}: choose from {', '.join(PRECISIONS)}")
    if precision == "int8" and not calibration:
        raise ReblurError("int8 needs representative inputs to calibrate with, got none")
    with silence(), torch.no_grad():
        float_model = kept(
            conversions, "tflite", module, example_inputs, lambda: convert(module, example_inputs, len(output_names))
        )
        model = read_model(float_model)
        _name_tensors(model, input_names, output_names)
        if precision == "int8":
            feeds = feeds_of(calibration or (), input_names)
            model = read_model(quantize_tflite(pack_model(model), TFLITE_SIGNATURE, feeds, settings or Int8Settings()))
        make_whole(model)
        if precision == "int8":
            shuffle(model)
        if precision == "fp16":
            halve(model)
        slim(model)
        content = pack_model(model)
    write_atomically(path, content)


def _name_tensors(model: Any, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Give the signature's inputs and outputs their names; the converter calls them args_0, args_1, output_0."""
    (signature,) = model.signatureDefs
    (graph,) = model.subgraphs
    for maps, order, names in (
        (signature.inputs, graph.inputs, input_names),
        (signature.outputs, graph.outputs, output_names),
    ):
        if len(maps) != len(names):
            raise ReblurError(f"the converted file has {len(maps)} tensors where {', '.join(names)} were expected")
        by_index = dict(zip((int(i) for i in order), names, strict=True))
        for entry in maps:
            entry.name = by_index[int(entry.tensorIndex)]
