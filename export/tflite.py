"""TFLite / LiteRT: writes a torch module as a ``.tflite`` file, and lists its operators.

Files take and give NHWC float32. Inside, everything is NHWC too: a single transpose would cost more than a
convolution on a phone's GPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from export.quantize import Samples, quantize_tflite
from export.refocus import Refocus
from export.tflite_whole import make_whole
from runtime.files import write_atomically
from runtime.silence import silence

SIGNATURE = "serving_default"
PRECISIONS = ("fp32", "int8")


def write_tflite(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
    *,
    precision: str = "fp32",
    calibration: Samples | None = None,
    float_first_convs: int = 0,
) -> None:
    """Convert ``module`` and write it to ``path``, atomically.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed.
        input_names: names of the inputs, in calling order; the signature uses them.
        output_names: names of the outputs, in the module's order.
        path: the file.
        precision: "fp32", or "int8": weights and activations, see ``export.quantize``.
        calibration: representative inputs for int8, each one (B, C, H, W) tensor for each input.
        float_first_convs: convolutions at the start that stay float in int8.

    Raises:
        ValueError: an argument does not fit, or the file cannot be written.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"no TFLite precision {precision!r}: choose from {', '.join(PRECISIONS)}")
    if precision == "int8" and not calibration:
        raise ValueError("int8 needs representative inputs to calibrate with, got none")
    with silence(), torch.no_grad():
        model = _convert(module, example_inputs)
        model = _name_tensors(model, input_names, output_names)
        if precision == "int8":
            assert calibration is not None
            feeds = [
                {name: channels_last(x).numpy() for name, x in zip(input_names, sample, strict=True)}
                for sample in calibration
            ]
            model = quantize_tflite(model, SIGNATURE, feeds, float_first_convs)
        model = make_whole(model)
    write_atomically(path, model)


def op_histogram(path: Path) -> Counter[str]:
    """How often each operator occurs in a saved file, for example ``Counter({"CONV_2D": 11, "ADD": 11})``.

    Custom operators are counted as CUSTOM:<name>; select-TensorFlow operators are custom ones named Flex<op>.
    """
    schema = _schema()
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    counts: Counter[str] = Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            counts[f"CUSTOM:{code.customCode.decode()}" if name == "CUSTOM" else name] += 1
    return counts


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C), contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


class ThreeChannelSigma(nn.Module):
    """The refocusing graph with its sigma map copied to three channels first; the result is the same.

    In NHWC a map of one channel meets a picture of three pixel by pixel, which no interpreter vectorises. With
    equal shapes the blur is much faster on a CPU, although it computes its weights three times.
    """

    def __init__(self, refocus: Refocus) -> None:
        super().__init__()
        self.refocus = refocus

    def forward(self, sharp: Tensor, target_sigma_px: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB in [0, 1], (B, 1, H, W) pixels -> (B, 3, H, W) sRGB in [0, 1]."""
        result: Tensor = self.refocus(sharp, torch.cat([target_sigma_px] * 3, dim=1))
        return result


def _convert(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> bytes:
    """The float model, all NHWC."""
    import litert_torch

    _keep_concatenations_channels_last()
    inner = ThreeChannelSigma(module) if isinstance(module, Refocus) else module
    wrapped = litert_torch.to_channel_last_io(inner, args=list(range(len(example_inputs))), outputs=[0]).eval()
    converted = litert_torch.convert(wrapped, tuple(channels_last(x) for x in example_inputs))
    content: bytes = converted.model_content()
    return content


@cache
def _keep_concatenations_channels_last() -> None:
    """Tell litert-torch's layout pass that concatenations are NHWC like the convolutions after them.

    The pass may leave what stands before the first convolution in NCHW at no more transposes by its count; the
    deblurring network's inputs would then be transposed before they are joined, and once more after.
    """
    from litert_torch._convert.fx_passes.optimize_layout_transposes_pass import layout_check

    def is_channels_last(node: torch.fx.Node) -> Any:
        possible = layout_check.is_4d(node) and layout_check.all_layout_sensitive_inputs_are_4d(node)
        return layout_check.NHWCable(can_be=possible, must_be=possible)

    register: Callable[[Any], Callable[[Any], Any]] = layout_check.nhwcable_node_checkers.register
    register(torch.ops.aten.cat)(is_channels_last)


def _name_tensors(model: bytes, input_names: Sequence[str], output_names: Sequence[str]) -> bytes:
    """Give the signature's inputs and outputs their names; the converter calls them args_0, args_1, output_0."""
    import flatbuffers

    content = _schema().ModelT.InitFromPackedBuf(model, 0)
    (signature,) = content.signatureDefs
    (graph,) = content.subgraphs
    for maps, order, names in (
        (signature.inputs, graph.inputs, input_names),
        (signature.outputs, graph.outputs, output_names),
    ):
        if len(maps) != len(names):
            raise ValueError(f"the converted file has {len(maps)} tensors where {', '.join(names)} were expected")
        by_index = dict(zip((int(i) for i in order), names, strict=True))
        for entry in maps:
            entry.name = by_index[int(entry.tensorIndex)]
    builder = flatbuffers.Builder(len(model) + 1024)
    builder.Finish(content.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _schema() -> Any:
    """The flatbuffer schema's generated classes."""
    with silence():
        from ai_edge_litert import schema_py_generated
    return schema_py_generated
