"""Simulated int8: what is quantised, and the quantiser that both fine-tuning and the export use.

Weights are symmetric and per channel, activations asymmetric and per tensor. ``train.quantization.float_parts`` says
what is quantised of a graph; a network is what was traced in a U-Net. What comes after its head is float: residual
add, fade-in, sigmoid, clamp.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from runtime.system.silence import silence
from train.networks.unet import UNet
from train.quantization.float_parts import NetworkPlace, float_positions
from train.quantization.settings import Int8Settings, percentile_of

SMALLEST_SCALE = 2**-12
"""Smallest step of a quantised tensor, as XNNPACK's own configuration has it."""
MOVING = frozenset(
    {
        torch.ops.aten.view.default,
        torch.ops.aten.permute.default,
        torch.ops.aten.contiguous.default,
        torch.ops.aten.clone.default,
    }
)
"""Operators that compute nothing."""
Inputs = tuple[Tensor, ...]
"""One (B, C, H, W) tensor for each input of a network."""


def float_at_both_ends(settings: Int8Settings, *, trains: bool = False) -> Any:
    """XNNPACK's quantiser with this project's ranges and float parts.

    Args:
        settings: what stays float, and the ranges.
        trains: for fine-tuning: simulate the rounding instead of only observing the ranges.
    """
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer
    from torchao.quantization import pt2e

    class FloatAtBothEnds(xnnpack_quantizer.XNNPACKQuantizer):
        """Quantises each network from after its first convolutions up to and with its head."""

        def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
            annotated: torch.fx.GraphModule = super().annotate(model)
            nodes = list(annotated.graph.nodes)
            _share_ranges(nodes, config.input_activation)
            for place in float_positions(len(nodes), _networks(nodes), settings.float_first_convs, settings.float_head):
                nodes[place].meta.pop("quantization_annotation", None)
            return annotated

    def observed_by(spec: Any, observer: Any, **options: Any) -> Any:
        options["eps"] = SMALLEST_SCALE
        observe = pt2e.FakeQuantize.with_args(observer=observer, **options) if trains else observer.with_args(**options)
        return dataclasses.replace(spec, observer_or_fake_quant_ctr=observe)

    config = xnnpack_quantizer.get_symmetric_quantization_config(is_per_channel=settings.per_channel)
    weight = config.weight
    if trains:  # The range of the weights is that of this very step, since they move.
        observer = pt2e.MovingAveragePerChannelMinMaxObserver
        weight = observed_by(weight, observer, averaging_constant=1.0)
    activation = _range_observer(settings.ranges)
    config = dataclasses.replace(
        config,
        input_activation=observed_by(config.input_activation, activation),
        output_activation=observed_by(config.output_activation, activation),
        weight=weight,
    )
    return FloatAtBothEnds().set_global(config)


def _share_ranges(nodes: list[torch.fx.Node], input_spec: Any) -> None:
    """Let what only moves numbers keep their range, so that eight bits are moved, not floats between two roundings.

    The quantiser does so too, but forgets copies, and what comes first. Where ``reshape`` copies, it is taken apart
    too late, hence ``contiguous`` and ``view`` in ``export.formats.pte.strided_convs``.
    """
    from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, SharedQuantizationSpec

    key = "quantization_annotation"
    for node in nodes:
        if node.target not in MOVING or node.meta.get(key) is not None:
            continue
        source = node.args[0]
        assert isinstance(source, torch.fx.Node)
        if source.op == "placeholder":
            inputs, output = {source: input_spec}, SharedQuantizationSpec((source, node))
        elif key in source.meta and source.meta[key].output_qspec is not None:
            inputs, output = {source: SharedQuantizationSpec(source)}, SharedQuantizationSpec(source)
        else:
            continue
        node.meta[key] = QuantizationAnnotation(input_qspec_map=inputs, output_qspec=output, _annotated=True)


def _range_observer(ranges: str) -> Any:
    """The class that watches an activation.

    Raises:
        ReblurError: torchao has none for it.
    """
    from torchao.quantization import pt2e

    fraction = percentile_of(ranges)
    if fraction is not None:
        ends = torch.tensor([1.0 - fraction, fraction])

        class Percentile(pt2e.MinMaxObserver):
            """Watches the percentiles of each sample instead of its extremes."""

            def forward(self, x_orig: Tensor) -> Tensor:
                super().forward(torch.quantile(x_orig.detach().flatten(), ends))
                return x_orig

        return Percentile
    known = {
        "min-max": pt2e.MinMaxObserver,
        "moving-average": pt2e.MovingAverageMinMaxObserver,
        "mse": pt2e.HistogramObserver,
    }
    if ranges not in known:
        raise ReblurError(f"torchao has no {ranges} ranges: choose from {', '.join(known)} or a percentile")
    return known[ranges]


def _networks(nodes: list[torch.fx.Node]) -> list[NetworkPlace]:
    """The U-Nets of a graph, in order, by the module that each node was traced in."""
    inside: dict[str, list[int]] = {}
    heads: dict[str, list[int]] = {}
    for position, node in enumerate(nodes):
        if node.op != "call_function":
            continue
        stack = [(path, str(kind)) for path, kind in (node.meta.get("nn_module_stack") or {}).values()]
        for unet in (path for path, kind in stack if kind.endswith(UNet.__qualname__)):
            inside.setdefault(unet, []).append(position)
            if any(path == f"{unet}.head".lstrip(".") for path, _ in stack):
                heads.setdefault(unet, []).append(position)
    places = []
    for index, (unet, positions) in enumerate(inside.items()):
        convs = [i for i in positions if nodes[i].target == torch.ops.aten.conv2d.default]
        # A convolution and its ReLU are one quantised operator, so the ReLU goes with it.
        ends = tuple(i + 2 if nodes[i + 1].target == torch.ops.aten.relu.default else i + 1 for i in convs)
        # A later network begins with its stem: what only moves its inputs shares the range of what is float before it.
        start = 0 if index == 0 else convs[0]
        places.append(NetworkPlace(start=start, conv_ends=ends, head=heads[unet][0], end=positions[-1] + 1))
    return places


class SimulatedInt8(nn.Module):
    """A network as int8 would compute it, with gradients that pass through the rounding.

    Ranges are those of the last ``measure_ranges``; until then there are none, so call it first.

    Args:
        network: with parameters; it is copied.
        examples: one tensor for each input, of the shape that will be used.
        settings: what stays float, and the ranges.
    """

    def __init__(self, network: nn.Module, examples: Inputs, settings: Int8Settings | None = None) -> None:
        super().__init__()
        with silence():
            from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

            trained = copy.deepcopy(network).requires_grad_(True)
            graph = torch.export.export(trained, examples).module()
            self.graph = prepare_qat_pt2e(graph, float_at_both_ends(settings or Int8Settings(), trains=True))
        _set_transposed_axis(self.graph)
        self._names = [name for name, _ in network.named_parameters()]
        self._measured: list[Tensor] = []
        self._activations = [m for m in self.graph.modules() if _is_fake_quant(m) and not m.is_per_channel]
        self._weights = [m for m in self.graph.modules() if _is_fake_quant(m) and m.is_per_channel]

    def forward(self, *inputs: Tensor) -> Tensor:
        """As the network's."""
        return self.graph(*inputs)

    @torch.no_grad()
    def measure_ranges(self, samples: Iterable[Inputs]) -> None:
        """Set the ranges of the activations to what these samples reach, as the export does with pictures."""
        for fake_quant in self._activations:
            fake_quant.activation_post_process.reset_min_max_vals()
            fake_quant.enable_observer()
            fake_quant.disable_fake_quant()
        for fake_quant in self._weights:  # The export, too, measures before it rounds the weights.
            fake_quant.disable_fake_quant()
        for sample in samples:
            self.graph(*sample)
        for fake_quant in self._weights:
            fake_quant.enable_fake_quant()
        for fake_quant in self._activations:
            fake_quant.disable_observer()
            fake_quant.enable_fake_quant()
        self._measured = [fake_quant.scale.clone() for fake_quant in self._activations]

    @torch.no_grad()
    def vary_ranges(self, amount: float, generator: torch.Generator) -> None:
        """Widen or narrow each measured range by a random factor up to 1 + ``amount``.

        The export measures ranges of its own, on larger pictures. Weights that were only ever rounded with one set
        of steps learn to undo its rounding errors, and are biased with any other.
        """
        for fake_quant, scale in zip(self._activations, self._measured, strict=True):
            if not _is_picture_range(scale):
                factor = (1.0 + amount) ** (2.0 * float(torch.rand((), generator=generator)) - 1.0)
                fake_quant.scale.copy_(scale * factor)

    def weights(self) -> dict[str, Tensor]:
        """The float weights by their names in the network, not rounded."""
        tensors = dict(self.graph.named_parameters())
        return {name: tensors[name].detach().clone() for name in self._names}


def _set_transposed_axis(graph: torch.fx.GraphModule) -> None:
    """Quantise the weights of transposed convolutions per output channel, axis 1, as the export does.

    The quantiser's annotation says so, but it does not reach fake quantisation, which stays at axis 0.
    """
    for node in graph.graph.nodes:
        if node.target == torch.ops.aten.conv_transpose2d.input and node.args[1].op == "call_module":
            fake_quant: Any = graph.get_submodule(node.args[1].target)
            fake_quant.ch_axis = 1
            fake_quant.activation_post_process.ch_axis = 1


def _is_picture_range(scale: Tensor) -> bool:
    """Whether this is the step of a range from 0 to 1, which pictures have in the export too."""
    return abs(float(scale) * 255.0 - 1.0) < 1e-3


def _is_fake_quant(module: nn.Module) -> bool:
    from torchao.quantization.pt2e import FakeQuantize

    return isinstance(module, FakeQuantize)
