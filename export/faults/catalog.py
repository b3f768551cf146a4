"""The negative controls: which fault is tried on which artefact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from export.artifacts.shared_inputs import GraphBundle
from export.faults import graph_faults as modules
from export.faults.file_faults import (
    change_weight,
    convolutions,
    exchange_red_and_green,
    hole,
    largest_convolution,
    say_blue_first,
    zeros,
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong on the way to a file, or to a file."""

    name: str
    description: str
    """One sentence."""
    file: Callable[[Path, nn.Module], None] | None = None
    """Made in the saved file, of which the module is what it was written from."""
    bundle: Callable[[GraphBundle], GraphBundle] | None = None
    """Made before the file is written, if not in the file or if its writer has put the weight in another form."""
    artifacts: tuple[str, ...]
    """What it is tried on."""
    is_slight: bool = False
    """Whether only the figures of the unbroken file tell, as those of the manifest do in ``export.verify``."""
    refusal: str = ""
    """What the check says where no figure can be had; empty where a figure must miss its gate."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One fault on one artefact."""

    fault: Fault
    artifact: str
    """Id of the recipe."""

    @property
    def name(self) -> str:
        """Of the fault; with the artefact it is unique."""
        return self.fault.name


def _swap_first_channels(path: Path, module: nn.Module) -> None:
    change_weight(path, convolutions(module)[0], exchange_red_and_green)


def _zero_head(path: Path, module: nn.Module) -> None:
    change_weight(path, convolutions(module)[-1], zeros)


def _zero_largest(path: Path, module: nn.Module) -> None:
    change_weight(path, largest_convolution(module), zeros)


def _hole_in_largest(path: Path, module: nn.Module) -> None:
    change_weight(path, largest_convolution(module), hole)


def _say_blue_first(path: Path, module: nn.Module) -> None:
    say_blue_first(path)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="swapped channels",
        description="red and green change places in the weights of the first convolution",
        file=_swap_first_channels,
        bundle=modules.swap_channels,
        artifacts=(
            "deblur-coreml-fp16",
            "deblur-tflite-fp32",
            "deblur-tflite-int8",
            "defocus-tflite-int8",
            "defocus-executorch-fp32",
            "deblur-onnx-int8",
        ),
    ),
    Fault(
        name="BGR",
        description="the picture's channels are read as blue, green, red",
        bundle=modules.read_blue_first,
        artifacts=("defocus-onnx-int8", "deblur-onnx-fp32", "defocus-executorch-vulkan-fp16", "deblur-coreml-w8"),
    ),
    Fault(
        name="BGR",
        description="the package declares its picture as blue, green, red, while its weights expect red first",
        file=_say_blue_first,
        artifacts=("defocus-coreml-fp16-image",),
    ),
    Fault(
        name="doubled normalisation",
        description="the picture, already in [0, 1], is divided by 255 once more",
        bundle=modules.divide_again,
        artifacts=("defocus-coreml-fp16-image",),
    ),
    Fault(
        name="doubled normalisation",
        description="a mean and a deviation that the network never saw are taken out of the picture",
        bundle=modules.standardise,
        artifacts=("deblur-onnx-fp32", "defocus-onnx-int8"),
    ),
    Fault(
        name="wrong layout",
        description="the picture's numbers are channels-last and are read as channels-first, in the right shape",
        bundle=modules.misread_layout,
        artifacts=("defocus-tflite-fp32", "deblur-tflite-int8"),
    ),
    Fault(
        name="one-pixel shift",
        description="the output is one pixel too far to the right",
        bundle=modules.shift_output,
        artifacts=(
            "defocus-tflite-int8",
            "deblur-tflite-int8",
            "refocus-onnx-fp32",
            "fused-tflite-int8",
            "deblur-coreml-p6",
        ),
    ),
    Fault(
        name="one-pixel shift of the residual",
        description="what the network adds to the picture is one pixel too far to the right, the picture is in place",
        bundle=modules.shift_residual,
        artifacts=("deblur-onnx-int8",),
    ),
    Fault(
        name="identity",
        description="the last convolution's weights are zero, so hardly anything is added to the picture",
        file=_zero_head,
        bundle=modules.zero_head,
        artifacts=("deblur-coreml-fp16", "deblur-tflite-int8", "deblur-executorch-int8", "deblur-onnx-int8"),
    ),
    Fault(
        name="identity",
        description="the picture comes out as it went in",
        bundle=modules.return_input,
        artifacts=(
            "deblur-onnx-fp32",
            "refocus-onnx-fp32",
            "deblur-coreml-w8",
            "deblur-coreml-p6",
        ),
    ),
    Fault(
        name="sigma scaled by 1.1",
        description="the sigma map that comes out is ten per cent too large",
        bundle=modules.enlarge_sigma_out,
        artifacts=("defocus-tflite-int8", "defocus-onnx-int8"),
    ),
    Fault(
        name="sigma scaled by 1.1",
        description="the sigma map is taken for one that is ten per cent larger",
        bundle=modules.enlarge_sigma_in,
        artifacts=("refocus-onnx-fp32", "preview-onnx-fp32", "deblur-onnx-int8"),
    ),
    Fault(
        name="near for far",
        description="what lies in front of the plane of focus is taken for what lies behind it",
        bundle=modules.swap_near_and_far,
        artifacts=("refocus-onnx-fp32",),
    ),
    Fault(
        name="no occlusion",
        description="the background gathers the colours of the subject before it",
        bundle=modules.ignore_occlusion,
        artifacts=("refocus-onnx-fp32",),
    ),
    Fault(
        name="corrupted weights",
        description="the largest weight tensor in the file is overwritten with zeros",
        file=_zero_largest,
        artifacts=(
            "deblur-coreml-fp16",
            "deblur-tflite-fp32",
            "deblur-tflite-int8",
            "defocus-tflite-int8",
            "defocus-executorch-fp32",
            "deblur-executorch-int8",
            "deblur-onnx-fp32",
            "defocus-onnx-int8",
        ),
    ),
    Fault(
        name="a hole in the weights",
        description="4,096 bytes of the largest weight tensor are zeros: little enough to stay within an int8 gate",
        file=_hole_in_largest,
        bundle=modules.hole_in_largest,
        artifacts=(
            "deblur-tflite-int8",
            "defocus-onnx-int8",
            "deblur-executorch-int8",
            "fused-tflite-int8",
            "deblur-coreml-w8",
            "deblur-coreml-p6",
            "defocus-executorch-vulkan-fp16",
        ),
        is_slight=True,
    ),
    Fault(
        name="fp16 overflow",
        description="between two layers the numbers exceed 65504; the result in fp32 is the same to the last bit",
        bundle=modules.overflow_fp16,
        refusal="leaves the finite range in fp16: conv ",
        artifacts=("deblur-coreml-fp16",),
    ),
    Fault(
        name="stale calibration",
        description="the int8 ranges come from pictures with a tenth of the brightness of those in use",
        bundle=modules.calibrate_on_dark_pictures,
        artifacts=("deblur-tflite-int8", "defocus-onnx-int8"),
    ),
)
"""Every fault and what it is tried on. Each is tried where it really happens, and on int8 files, whose gates are the
widest; faults in the file itself on all formats."""

CONTROLS: tuple[Control, ...] = tuple(
    Control(fault=fault, artifact=artifact) for fault in FAULTS for artifact in fault.artifacts
)
